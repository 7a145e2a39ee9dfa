"""The edge of a program: flags, configs, processes, files and memory."""

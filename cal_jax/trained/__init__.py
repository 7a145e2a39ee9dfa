"""Trained weights that ship with the package: ``rotated.safetensors``, which ``weights`` reads."""

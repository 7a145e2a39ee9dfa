"""Files: atomic writes, run folders, provenance."""

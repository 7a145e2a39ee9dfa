"""CPU-tuned twins of the layers in ``nn``."""

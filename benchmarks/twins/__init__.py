"""PyTorch models of the same mathematics, to compare with."""

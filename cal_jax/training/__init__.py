"""Training: a pure step, the loop around it, devices, checkpoints and signals."""

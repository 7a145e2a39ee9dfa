"""The models in plain Flax, the reference for cal_jax's fast forms."""

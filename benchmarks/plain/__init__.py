"""The models as plain Flax writes them: the reference that cal_jax's forms are measured against."""

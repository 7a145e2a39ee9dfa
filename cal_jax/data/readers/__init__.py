"""Readers of data sets on disk: each returns a ``FactorDataset``."""

from cal_jax.data.readers.choose import read

__all__ = ["read"]

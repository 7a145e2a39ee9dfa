"""The switch, back where it was after a test."""

import pytest

import cal_jax
from cal_jax import fast


@pytest.fixture
def switched():
    """``switched(on)``: the forms for a CPU on or off, for the rest of the test."""
    before = fast.enabled()
    yield cal_jax.fast
    cal_jax.fast(before)

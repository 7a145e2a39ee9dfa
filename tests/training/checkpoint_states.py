"""States to save, and their comparison bit for bit."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cal_jax.training.checkpoints import restore_latest


class State(NamedTuple):
    params: Any
    opt_state: Any
    key_data: Any
    best: Any
    unset: None = None


def make_state(seed: int = 0, hidden: int = 100) -> State:
    rng = np.random.default_rng(seed)
    kernel = jnp.asarray(rng.normal(size=(7, hidden)), jnp.float32)
    params = {"dense": {"kernel": kernel, "bias": jnp.ones(hidden, jnp.bfloat16)}}
    optimiser = optax.chain(optax.clip(1.0), optax.adam(1e-3))
    key_data = jax.random.key_data(jax.random.key(seed))
    return State(params, optimiser.init(params), key_data, np.float64(seed + 0.1))


def assert_same(got: Any, wanted: Any) -> None:
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        assert isinstance(a, jax.Array) == isinstance(b, jax.Array)
        assert isinstance(a, jax.Array) or type(a) is type(b)
        a, b = np.asarray(a), np.asarray(b)
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def step_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def largest(folder: Path) -> Path:
    return max(step_files(folder), key=lambda path: path.stat().st_size)


def assert_newest_is_intact(directory: Path) -> None:
    """Step 20 of the fixture ``saved``."""
    restored = restore_latest(directory, make_state())
    assert restored is not None
    assert restored[0] == 20
    assert_same(restored[1], make_state(20))

"""A list of arrays as one Orbax folder; the only module that imports Orbax.

Orbax by itself restores flipped bits and incomplete folders; ``manifest`` detects both.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp


def write(folder: Path, step: int, arrays: list[np.ndarray]) -> None:
    """Saves ``arrays`` as ``leaf_00000``, ``leaf_00001``, ... in ``folder``, which is new.

    Orbax saves neither an empty tree nor an empty array: ``step`` is always
    there, and arrays without elements are left to ``read``.
    """
    tree = {_key(index): array for index, array in enumerate(arrays) if array.size}
    with _checkpointer() as checkpointer:
        checkpointer.save(folder, {"step": np.asarray(step), **tree})


def read(folder: Path, described: list[dict[str, Any]]) -> list[np.ndarray]:
    """The arrays of ``folder``; ``described`` has the shape and dtype of each."""
    with _checkpointer() as checkpointer:
        tree = checkpointer.restore(folder)
    return [
        tree[_key(index)] if 0 not in leaf["shape"] else _empty(leaf)
        for index, leaf in enumerate(described)
    ]


def _empty(leaf: dict[str, Any]) -> np.ndarray:
    return np.zeros(leaf["shape"], jnp.dtype(leaf["dtype"]))


def _key(index: int) -> str:
    return f"leaf_{index:05d}"


def _checkpointer() -> ocp.Checkpointer:
    """A synchronous checkpointer of this process alone, without barriers."""
    here = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(primary_host=here, active_processes={here})
    handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=alone)
    return ocp.Checkpointer(handler, multiprocessing_options=alone)

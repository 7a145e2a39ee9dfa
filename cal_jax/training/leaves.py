"""Conversion of a training state's leaves to named numpy arrays and back, bit for bit."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.errors import InputError

SHOWN = 8  # mismatched leaves named in one message


def leaf_paths(state: Any) -> list[str]:
    """The path of each leaf, for example ``.params['decoder']['kernel']``."""
    return [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(state)]


def to_arrays(state: Any) -> list[np.ndarray]:
    """Each leaf of ``state`` as a contiguous numpy array.

    Raises:
      InputError: a leaf that is no array or number, or a typed PRNG key.
    """
    arrays = []
    for path, leaf in zip(leaf_paths(state), jax.tree.leaves(state), strict=True):
        _dtype(path, leaf)
        if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
            if not leaf.is_fully_replicated:
                raise InputError(
                    f"state{path}: divided over processes; only replicated leaves are saved"
                )
            leaf = leaf.addressable_data(0)
        arrays.append(np.asarray(leaf, order="C"))
    return arrays


def describe(state: Any) -> list[dict[str, Any]]:
    """``{"path", "dtype", "shape"}`` of each leaf; only shapes and dtypes are read."""
    return [
        {"path": path, "dtype": _dtype(path, leaf).name, "shape": list(np.shape(leaf))}
        for path, leaf in zip(leaf_paths(state), jax.tree.leaves(state), strict=True)
    ]


def mismatches(got: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> str:
    """One line naming the leaves that differ, with got and wanted; empty if none does."""
    found = {leaf["path"]: _kind(leaf) for leaf in got}
    asked = {leaf["path"]: _kind(leaf) for leaf in wanted}
    absent = "no such leaf"
    lines = [
        f"state{path} got {found.get(path, absent)}, wanted {asked.get(path, absent)}"
        for path in [*asked, *(path for path in found if path not in asked)]
        if found.get(path) != asked.get(path)
    ]
    more = [f"and {len(lines) - SHOWN} more leaves"] if len(lines) > SHOWN else []
    return "; ".join(lines[:SHOWN] + more)


def from_arrays(arrays: list[np.ndarray], like: Any) -> Any:
    """``arrays`` in the structure of ``like``, with the types and placement of its leaves."""
    placed = [_place(a, leaf) for a, leaf in zip(arrays, jax.tree.leaves(like), strict=True)]
    return jax.tree.unflatten(jax.tree.structure(like), placed)


def _place(array: np.ndarray, like: Any) -> Any:
    if isinstance(like, np.ndarray):
        return array
    if isinstance(like, np.generic):
        return array[()]
    if isinstance(like, bool | int | float | complex):
        return type(like)(array.item())
    restored = jnp.array(array)
    if isinstance(like, jax.Array) and like.committed:
        return jax.device_put(restored, like.sharding)
    return restored


def _dtype(path: str, leaf: Any) -> np.dtype:
    dtype = getattr(leaf, "dtype", None)
    if dtype is not None and jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key):
        raise InputError(f"state{path}: a typed PRNG key; save jax.random.key_data(key), uint32")
    if dtype is None and isinstance(leaf, bool | int | float | complex):
        dtype = np.asarray(leaf).dtype
    if dtype is None or not (np.dtype(dtype).kind in "biufc" or jnp.issubdtype(dtype, np.number)):
        raise InputError(f"state{path}: {type(leaf).__name__}; only arrays and numbers are saved")
    return np.dtype(dtype)


def _kind(leaf: dict[str, Any]) -> str:
    return f"{leaf['dtype']}[{', '.join(map(str, leaf['shape']))}]"

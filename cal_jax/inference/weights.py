"""A trained context-aware learner as one safetensors file, whose loading executes no code."""

import hashlib
import json
from pathlib import Path

import flax.traverse_util
import jax
import numpy as np

from cal_jax.data.binarise import BINARISATIONS
from cal_jax.errors import InputError
from cal_jax.inference.leaves import differences, flat
from cal_jax.inference.trained import TrainedLearner, untrained
from cal_jax.io.atomic import write_atomically
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.plain_config import from_plain, to_plain

FILE = "weights.safetensors"
"""Of a run, in its folder."""

LARGEST = 5_000_000
"""Bytes of a file that a run leaves."""

_FORMAT = "cal_jax context-aware learner 2"


def save(path: Path, trained: TrainedLearner, *, half: bool = False) -> Path:
    """Write a model atomically.

    Args:
      path: of the file.
      trained: the model.
      half: keep the parameters as float16; batch normalisation's averages stay float32.

    Raises:
      InputError: variables that are not those of the config, a parameter that float16
        cannot hold, a file that cannot be written.
    """
    return write_atomically(path, _to_bytes(trained, half=half))


def save_if_small(path: Path, trained: TrainedLearner) -> Path | None:
    """Write a model of at most 5 MB: as float32, else as float16, else not at all.

    Returns:
      The path, or None where even float16 takes more.

    Raises:
      InputError: as ``save``.
    """
    for half in (False, True):
        body = _to_bytes(trained, half=half)
        if len(body) <= LARGEST:
            return write_atomically(path, body)
    return None


def load(path: Path) -> TrainedLearner:
    """Read a file of ``save`` as float32; names, sizes and values are verified.

    Raises:
      InputError: a file that cannot be read, is damaged or changed, describes no
        such model, or misses a leaf.
    """
    tensors, metadata = _read(path)
    try:
        if metadata["format"] != _FORMAT:
            raise InputError(f"{path}: format {metadata['format']!r}; accepted: {_FORMAT!r}")
        about, digest = json.loads(metadata["trained"]), metadata["digest"]
        config = from_plain(ContextAwareConfig, about["config"])
        model = ContextAwareLearner(config, tuple(int(size) for size in about["event_shape"]))
        binarisation, set_size = about["binarisation"], int(about["set_size"])
        _check(model, binarisation)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise InputError(f"{path}: {error}") from error
        raise InputError(f"{path} does not describe a context-aware learner: {error!r}") from error
    _check_leaves(str(path), tensors, model)
    if _digest(tensors, metadata["trained"]) != digest:
        raise InputError(f"{path} is damaged or was changed: the digests differ")
    whole = {name: array.astype(np.float32) for name, array in tensors.items()}
    variables = flax.traverse_util.unflatten_dict(whole, sep="/")
    return TrainedLearner(model, variables, set_size, binarisation)


def _to_bytes(trained: TrainedLearner, *, half: bool) -> bytes:
    from safetensors.numpy import save as to_bytes

    _check(trained.model, trained.binarisation)
    tensors = {name: np.asarray(leaf) for name, leaf in flat(trained.variables).items()}
    _check_leaves("variables", tensors, trained.model)
    if half:
        tensors = {name: _halved(name, array) for name, array in tensors.items()}
    about = json.dumps(
        {
            "config": to_plain(trained.config),
            "event_shape": trained.model.event_shape,
            "binarisation": trained.binarisation,
            "set_size": trained.set_size,
        },
        sort_keys=True,
    )
    metadata = {"format": _FORMAT, "trained": about, "digest": _digest(tensors, about)}
    return to_bytes(tensors, metadata)


def _halved(name: str, array: np.ndarray) -> np.ndarray:
    if not name.startswith("params/"):
        return array
    if np.abs(array).max(initial=0.0) > np.finfo(np.float16).max:
        raise InputError(f"{name}: a value that float16 cannot hold; accepted: half=False")
    return array.astype(np.float16)


def _check(model: ContextAwareLearner, binarisation: str | None) -> None:
    if binarisation not in (None, *BINARISATIONS):
        raise InputError(
            f"binarisation {binarisation!r}; accepted: None, {', '.join(BINARISATIONS)}"
        )
    model.config.sizes(model.event_shape)


def _check_leaves(source: str, tensors: dict[str, np.ndarray], model: ContextAwareLearner) -> None:
    """Refuse leaves whose names or sizes differ from the model's."""
    wrong = differences(tensors, flat(jax.eval_shape(lambda: untrained(model))))
    if wrong:
        raise InputError(f"{source}: not of the config's model: {wrong}")
    kinds = {str(array.dtype) for array in tensors.values()} - {"float32", "float16"}
    if kinds:
        raise InputError(f"{source}: {', '.join(kinds)}; accepted: float32 or float16")


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise InputError(
            "safetensors: not installed; accepted: the extra cal-jax[experiments]"
        ) from error
    try:
        with safe_open(str(path), framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot read the weights {path}: {error}") from error


def _digest(tensors: dict[str, np.ndarray], about: str) -> str:
    total = hashlib.sha256(about.encode())
    for name, array in sorted(tensors.items()):
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()

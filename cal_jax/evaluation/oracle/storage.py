"""Oracles as safetensors files, whose loading executes no code."""

import hashlib
import json
from pathlib import Path
from typing import Any

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.errors import InputError
from cal_jax.evaluation.oracle.train import Oracle, OracleConfig, network_of
from cal_jax.io.atomic import write_atomically
from cal_jax.plain_config import from_plain, to_plain


def digest(oracle: Oracle) -> str:
    """SHA-256 over the names, shapes and values of the parameters, and over the factors."""
    total = hashlib.sha256()
    total.update(json.dumps([oracle.factors, oracle.sizes, oracle.image_size]).encode())
    for name, array in sorted(_flat(oracle.variables).items()):
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def config_digest(config: OracleConfig) -> str:
    """SHA-256 of a configuration, the same for oracles trained in the same way."""
    return hashlib.sha256(_config_json(config).encode()).hexdigest()


def save(path: Path, oracle: Oracle) -> Path:
    """Write an oracle atomically."""
    from safetensors.numpy import save as to_bytes

    metadata = {
        "factors": json.dumps(oracle.factors),
        "sizes": json.dumps(oracle.sizes),
        "image_size": str(oracle.image_size),
        "config": _config_json(oracle.config),
        "config_digest": config_digest(oracle.config),
        "digest": digest(oracle),
    }
    return write_atomically(path, to_bytes(_flat(oracle.variables), metadata))


def load(path: Path) -> Oracle:
    """Read a file of `save`; its parameters' names, shapes and values are verified."""
    tensors, metadata = _read(path)
    try:
        config = from_plain(OracleConfig, json.loads(metadata["config"]))
        factors = tuple(json.loads(metadata["factors"]))
        sizes = tuple(json.loads(metadata["sizes"]))
        image_size = int(metadata["image_size"])
        recorded = metadata["config_digest"], metadata["digest"]
        expected = _flat(_shapes_of(sizes, image_size, config))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} does not describe an oracle: {error!r}") from error
    shapes = {name: (array.shape, array.dtype) for name, array in tensors.items()}
    if shapes != {name: (leaf.shape, leaf.dtype) for name, leaf in expected.items()}:
        raise InputError(f"{path}: the parameters are not those of the oracle it describes")
    variables = flax.traverse_util.unflatten_dict(tensors, sep="/")
    oracle = Oracle(variables, factors, sizes, image_size, config)
    if (config_digest(config), digest(oracle)) != recorded:
        raise InputError(f"{path} was changed after it was written: the digests differ")
    return oracle


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot read the oracle {path}: {error}") from error


def _shapes_of(sizes: tuple[int, ...], image_size: int, config: OracleConfig) -> Any:
    network = network_of(sizes, config)
    blank = jnp.zeros((1, image_size, image_size))
    return jax.eval_shape(lambda: network.init(jax.random.key(0), blank, train=False))


def _flat(variables: Any) -> dict[str, Any]:
    return flax.traverse_util.flatten_dict(variables, sep="/")


def _config_json(config: OracleConfig) -> str:
    return json.dumps(to_plain(config), sort_keys=True)

"""Saving and restoring, bit for bit; how many steps are kept."""

import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cal_jax.errors import InputError
from cal_jax.training import leaves
from cal_jax.training.checkpoints import read_extra, restore_latest, save
from tests.training.checkpoint_states import (
    assert_newest_is_intact,
    assert_same,
    largest,
    make_state,
)


def test_restores_the_newest_step(directory: Path) -> None:
    assert_newest_is_intact(directory)
    assert read_extra(directory) == {"config": 20}


def test_every_kind_of_leaf_returns_bit_for_bit(tmp_path: Path) -> None:
    payload = np.array([0x7FC00001, 0xFFC12345, 0x80000000, 1], np.uint32).view(np.float32)
    state = {
        "nan payloads, minus zero, a denormal": payload,
        "the same in jax": jax.lax.bitcast_convert_type(payload.view(np.uint32), jnp.float32),
        "minus zeros": np.full((3, 2), -0.0, np.float32),
        "empty": np.zeros((0, 3), np.float32),
        "transposed": np.arange(6, dtype=np.int16).reshape(2, 3).T,
        "scalars": (np.int32(4), np.float64(1 / 3), np.bool_(True)),
        "numbers": [7, 0.1, False, 1 + 2j],
        "0-d": jnp.asarray(3.0),
        "half": jnp.arange(5, dtype=jnp.bfloat16),
        "odd 'name'/with.dots": jnp.zeros(1, jnp.int8),
        "none": None,
        "no leaves": optax.EmptyState(),
    }
    save(tmp_path, 0, state)
    restored = restore_latest(tmp_path, state)
    assert restored is not None
    assert_same(restored[1], state)


def test_an_abstract_like_and_a_state_without_leaves(tmp_path: Path) -> None:
    state = make_state(3)
    save(tmp_path / "a", 1, state.params)
    restored = restore_latest(tmp_path / "a", jax.eval_shape(lambda: state.params))
    assert restored is not None
    assert_same(restored[1], state.params)
    save(tmp_path / "b", 1, ())
    assert restore_latest(tmp_path / "b", ()) == (1, ())


def test_a_committed_leaf_keeps_its_sharding(tmp_path: Path) -> None:
    mesh = jax.sharding.Mesh(jax.devices(), ("device",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("device"))
    state = {"divided": jax.device_put(jnp.arange(4.0), sharding), "free": jnp.arange(2.0)}
    save(tmp_path, 1, state)
    restored = restore_latest(tmp_path, state)
    assert restored is not None
    assert_same(restored[1], state)
    assert restored[1]["divided"].sharding == sharding
    assert not restored[1]["free"].committed


@pytest.mark.parametrize(
    ("leaf", "named"),
    [(jax.random.key(0), "key_data"), ("text", "str"), (np.array([None]), "ndarray")],
    ids=["typed key", "text", "object array"],
)
def test_a_leaf_that_cannot_be_saved_is_named(tmp_path: Path, leaf: Any, named: str) -> None:
    with pytest.raises(InputError, match=rf"state\['x'\].*{named}"):
        save(tmp_path, 1, {"x": leaf})
    assert list(tmp_path.iterdir()) == []


def test_none_only_where_no_step_was_saved(tmp_path: Path) -> None:
    assert restore_latest(tmp_path / "absent", make_state()) is None
    assert restore_latest(tmp_path, make_state()) is None
    assert read_extra(tmp_path) is None
    (tmp_path / "step_00000003").mkdir()
    with pytest.raises(InputError, match="--from-scratch"):
        restore_latest(tmp_path, make_state())


def test_keep_removes_older_steps_but_never_for_a_damaged_one(directory: Path) -> None:
    save(directory, 30, make_state(30))
    assert sorted(os.listdir(directory)) == ["step_00000020", "step_00000030"]
    largest(directory / "step_00000030").write_bytes(b"")
    save(directory, 40, make_state(40))
    assert sorted(os.listdir(directory)) == [f"step_000000{n}0" for n in (2, 3, 4)]
    save(directory, 50, make_state(50), keep=1)
    assert os.listdir(directory) == ["step_00000050"]


def test_a_step_is_saved_again_and_an_intact_newer_one_refused(directory: Path) -> None:
    save(directory, 20, make_state(5))
    restored = restore_latest(directory, make_state())
    assert restored is not None
    assert_same(restored[1], make_state(5))
    assert sorted(os.listdir(directory)) == ["step_00000010", "step_00000020"]
    with pytest.raises(InputError, match=r"step 15 .*step_00000020.*--from-scratch"):
        save(directory, 15, make_state(15))
    largest(directory / "step_00000020").write_bytes(b"")
    save(directory, 15, make_state(15))


def test_bad_arguments(tmp_path: Path) -> None:
    for bad in ({"step": -1}, {"keep": 0}, {"extra": {"x": float("nan")}}, {"extra": {"x": {1}}}):
        with pytest.raises(InputError, match=r"step must|extra: not JSON"):
            save(tmp_path, **{"step": 1, "state": {"x": jnp.ones(1)}, **bad})
    save(tmp_path, 1, {"x": jnp.ones(1)}, extra={1: (1, 2), "é": 0.1})
    assert read_extra(tmp_path) == {"1": [1, 2], "é": 0.1}


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="step 1 was not saved"):
        save(tmp_path / "file", 1, {"x": jnp.ones(1)})


def test_describe_reads_no_values() -> None:
    described = leaves.describe({"a": jax.ShapeDtypeStruct((2,), jnp.float32), "b": 3})
    assert described == [
        {"path": "['a']", "dtype": "float32", "shape": [2]},
        {"path": "['b']", "dtype": "int64", "shape": []},
    ]

"""An oracle read back is the one that was written, and a changed file is refused."""

import jax
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from cal_jax.errors import InputError
from cal_jax.evaluation.oracle.storage import config_digest, digest, load, save
from cal_jax.evaluation.oracle.train import Oracle, OracleConfig, network_of

CONFIG = OracleConfig(widths=(4, 6), steps=3, learning_rate=1.5e-3)


def make(seed=0, config=CONFIG):
    network = network_of((10, 2), config)
    blank = np.zeros((1, 8, 8), np.float32)
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), blank, train=False))
    rng = np.random.default_rng(seed)
    variables = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)
    return Oracle(variables, ("digit", "background"), (10, 2), 8, config)


def parts(path):
    with safe_open(str(path), framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata())  # noqa: SIM118


def test_round_trip(tmp_path):
    oracle = make()
    path = save(tmp_path / "deep" / "oracle.safetensors", oracle)
    found = load(path)
    assert found[1:] == oracle[1:]
    assert digest(found) == digest(oracle)
    jax.tree.map(np.testing.assert_array_equal, found.variables, oracle.variables)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_digest_sees_values_and_factors():
    oracle = make()
    assert digest(oracle) == digest(make())
    assert digest(oracle) != digest(make(seed=1))
    assert digest(oracle) != digest(oracle._replace(factors=("digit", "rotation")))


def test_the_configuration_digest_sees_every_field():
    assert config_digest(CONFIG) == config_digest(OracleConfig((4, 6), 3, learning_rate=1.5e-3))
    assert config_digest(CONFIG) != config_digest(OracleConfig((4, 6), 4, learning_rate=1.5e-3))


def test_changed_values_names_or_shapes_are_refused(tmp_path):
    tensors, metadata = parts(save(tmp_path / "o", make()))
    name = next(iter(tensors))
    save_file(tensors | {name: tensors[name] + 1}, tmp_path / "values", metadata)
    save_file(tensors | {name: np.zeros((2, 2), np.float32)}, tmp_path / "shapes", metadata)
    save_file(tensors | {"extra": tensors[name]}, tmp_path / "names", metadata)
    save_file(tensors, tmp_path / "factors", metadata | {"factors": '["digit", "rotation"]'})
    for changed in ("values", "factors"):
        with pytest.raises(InputError, match="digests differ"):
            load(tmp_path / changed)
    for changed in ("shapes", "names"):
        with pytest.raises(InputError, match="not those of the oracle"):
            load(tmp_path / changed)


def test_files_that_are_no_oracles_are_refused_in_one_line(tmp_path):
    (tmp_path / "text").write_text("no")
    save_file({"a": np.zeros(2, np.float32)}, tmp_path / "other")
    for name in ("absent", "text", "other"):
        with pytest.raises(InputError) as caught:
            load(tmp_path / name)
        assert "\n" not in str(caught.value)

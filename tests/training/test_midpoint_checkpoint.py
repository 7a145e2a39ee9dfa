"""What a run was half-way is kept for its evaluation, and changes nothing else."""

import shutil

import jax
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.io.run_folder import RunFolder
from cal_jax.models.statistician import NeuralStatistician, NeuralStatisticianConfig
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig
from cal_jax.training.fit import fit
from cal_jax.training.midpoint_checkpoint import MIDPOINT, keep_midpoint, midpoint_variables
from cal_jax.training.parallel import choose_devices
from cal_jax.training.signals import StopSignal
from cal_jax.training.train import train
from tests.training.toy_task import toy_run

CONFIG = TrainingConfig(steps=10, batch_size=4, chunk_steps=4, learning_rate=1e-2)


def trained(folder, until=None):
    runs = [toy_run(folder, 3)]
    found = train(runs, CONFIG, devices=choose_devices(1), stop=StopSignal(), until=until)
    keep_midpoint(runs, CONFIG, found)
    return found[0]


def assert_equal(got, want):
    jax.tree.map(np.testing.assert_array_equal, got, want)


@pytest.fixture(name="straight")
def trained_without_a_pause(tmp_path):
    with RunFolder.create_or_open(tmp_path / "straight") as folder:
        yield trained(folder)


def test_a_run_that_keeps_its_half_ends_as_any_other(tmp_path, straight):
    with RunFolder.create_or_open(tmp_path / "kept") as folder:
        half, end = trained(folder, until=5), trained(folder)
        kept = midpoint_variables(folder, end.variables)
    assert (half.step, end.step) == (5, 10)
    assert_equal(kept, half.variables)
    assert_equal(end.variables, straight.variables)
    assert np.abs(kept["params"]["mean"] - end.variables["params"]["mean"]).min() > 1e-3


def test_a_run_past_its_half_goes_on_from_where_it_is_and_its_half_is_as_it_was(tmp_path):
    with RunFolder.create_or_open(tmp_path) as folder:
        half = trained(folder, until=5)
        assert trained(folder, until=8).step == 8
        assert trained(folder, until=5).step == 8
        assert_equal(midpoint_variables(folder, half.variables), half.variables)


def test_a_half_that_was_not_kept_is_named(tmp_path):
    with RunFolder.create_or_open(tmp_path) as folder:
        half = trained(folder, until=5)
        shutil.rmtree(folder.path / MIDPOINT)
        with pytest.raises(InputError, match=f"{MIDPOINT}: missing, .* give --from-scratch"):
            midpoint_variables(folder, half.variables)


def test_from_scratch_sets_the_half_aside_too(tmp_path):
    model = NeuralStatistician(NeuralStatisticianConfig(latent_dim=2, hidden=Hidden(4, 1)), (1,))
    options = {"config": CONFIG, "keep_midpoint": True, "from_scratch": True}
    with RunFolder.create_or_open(tmp_path) as folder:
        for _ in range(2):
            end = fit(model, np.zeros((12, 3, 1)), run_dir=folder, **options)
        assert end.step == 10
        assert midpoint_variables(folder, end.variables)
    assert sorted(path.name for path in tmp_path.glob(f"{MIDPOINT}*")) == [
        MIDPOINT,
        "midpoint.old-1",
    ]

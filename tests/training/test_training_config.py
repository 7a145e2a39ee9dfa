"""A run in its folder: resumed bit for bit, refused where it is another one, stopped on NaN."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from cal_jax.axes import DEVICE
from cal_jax.errors import InputError, NotFiniteError
from cal_jax.inference.mapping import map_objective
from cal_jax.io.run_folder import CONFIG_FILE, RunFolder
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.weighting import weighted_objective
from cal_jax.training import checkpoints
from cal_jax.training.config import SeedTask, Task, TrainingConfig
from cal_jax.training.parallel import choose_devices
from cal_jax.training.resume import CHECKPOINTS
from cal_jax.training.signals import StopSignal
from cal_jax.training.step import DataSet
from cal_jax.training.train import train
from experiments.results.record import read_json
from tests.small_models import binary_sets, small_model

CONFIG = TrainingConfig(steps=10, batch_size=4, chunk_steps=2, learning_rate=1e-2)


class StopAfter(StopSignal):
    """Asks for a stop after so many more chunks."""

    def __init__(self, chunks):
        super().__init__()
        self.left = chunks

    @property
    def requested(self):
        self.left -= 1
        return self.left < 0

    exit_code = 143


def task(data=None):
    model, variables = small_model()

    def draw(key, data, row):
        x, labels = data
        return DataSet((x[row], labels[row]))

    mapped = map_objective(context_aware_elbo, model, extra_axes=(DEVICE,))
    data = binary_sets(16, 3) if data is None else data
    return Task(lambda: variables, mapped, weighted_objective, draw, data, 16)


def trained(
    path, *, config=CONFIG, stop=None, fingerprint=None, devices=1, task=task, revision=None
):
    with RunFolder.create_or_open(path) as folder:
        [only] = train(
            [SeedTask(folder, 5, task(), fingerprint or {"a": 1})],
            config,
            devices=choose_devices(devices),
            stop=stop or StopSignal(),
            revision=revision,
        )
        return only


def assert_bit_equal(got, want):
    def check(leaf, other):
        assert np.asarray(leaf).tobytes() == np.asarray(other).tobytes()

    jax.tree.map(check, got, want)


@pytest.mark.parametrize("form", ["calls", "scan"])
def test_a_stopped_and_resumed_run_equals_the_unbroken_one_bit_for_bit(tmp_path, form, capsys):
    """Stopped in the middle of the third epoch: steps 6 and then 8 of 10, 4 to an epoch."""
    config = replace(CONFIG, chunk_form=form, schedule="cosine")
    unbroken = trained(tmp_path / "unbroken", config=config)
    for chunks in (2, 0):
        with pytest.raises(SystemExit) as stopped:
            trained(tmp_path / "resumed", config=config, stop=StopAfter(chunks))
        assert stopped.value.code == 143
    resumed = trained(tmp_path / "resumed", config=config)
    assert "resuming resumed at step 8" in capsys.readouterr().err
    assert_bit_equal(resumed.variables, unbroken.variables)
    records = [RunFolder(tmp_path / name).read_metrics() for name in ("unbroken", "resumed")]
    assert [record["step"] for record in records[1]] == [2, 4, 6, 8, 10]
    for whole, broken in zip(*records, strict=True):
        assert {**whole, "seconds": 0} == {**broken, "seconds": 0}


def test_a_finished_run_is_not_trained_again(tmp_path):
    first = trained(tmp_path, revision="trained it")
    again = trained(tmp_path, revision="evaluates it")
    assert first.revision == again.revision == "trained it"
    assert_bit_equal(again.variables, first.variables)
    assert again.seconds == pytest.approx(first.seconds, abs=0.5)
    assert_bit_equal(again.initial_variables, first.initial_variables)


def test_resuming_on_another_number_of_devices_agrees_within_rounding(tmp_path):
    unbroken = trained(tmp_path / "one")
    with pytest.raises(SystemExit):
        trained(tmp_path / "two", stop=StopAfter(2))
    resumed = trained(tmp_path / "two", devices=2)
    jax.tree.map(
        lambda got, want: np.testing.assert_allclose(got, want, atol=2e-4),
        resumed.variables,
        unbroken.variables,
    )


def test_a_folder_of_another_config_is_refused_and_names_the_field(tmp_path):
    trained(tmp_path, fingerprint={"model.norm": "batch", "seed": 0})
    with pytest.raises(InputError, match=r"model\.norm was 'batch', is 'layer'.*--run-dir"):
        trained(tmp_path, fingerprint={"model.norm": "layer", "seed": 0})


def test_a_finished_run_can_be_judged_by_another_oracle(tmp_path):
    first = trained(tmp_path, fingerprint={"oracle.steps": 5, "seed": 0})
    again = trained(tmp_path, fingerprint={"oracle.steps": 9, "oracle.max_blur": 1.0, "seed": 0})
    assert_bit_equal(again.variables, first.variables)
    assert read_json(tmp_path / CONFIG_FILE) == {
        "oracle.steps": 9,
        "oracle.max_blur": 1.0,
        "seed": 0,
    }


def test_a_loss_that_is_no_number_stops_the_run_and_is_never_saved(tmp_path):
    def poisoned():
        x, labels = binary_sets(16, 3)
        x[-1] = np.nan
        return task((x, labels))

    with pytest.raises(NotFiniteError, match=r"not finite at step \d+; none is saved"):
        trained(tmp_path, task=poisoned)
    assert checkpoints.read_extra(tmp_path / CHECKPOINTS) is None


def test_a_loss_that_diverges_later_names_the_last_good_checkpoint(tmp_path):
    """Every chunk is saved; the first step of the second takes the parameters out of range."""
    config = replace(CONFIG, learning_rate=1e30, chunk_steps=1, checkpoint_seconds=0.0)
    with pytest.raises(NotFiniteError, match=r"at step 2; step 1 is the last good checkpoint"):
        trained(tmp_path, config=config)


def test_training_raises_the_bound(tmp_path):
    """Every set is one of two stripe patterns, all items alike: 64 pixels for one bit a set."""
    config = TrainingConfig(steps=60, batch_size=8, chunk_steps=20, learning_rate=1e-2)
    x, labels = binary_sets(16, 3)
    x[:] = (np.arange(8) % 2)[None, None, None]
    x[labels[:, 0] > 0] = 1 - x[labels[:, 0] > 0]
    trained(tmp_path, config=config, task=lambda: task((x, labels)))
    records = RunFolder(tmp_path).read_metrics()
    assert records[0]["elbo"] > -64
    assert records[-1]["elbo"] > -10
    assert len(records[-1]["kl_varying"]) == 2


def test_free_bits_reach_the_criterion(tmp_path):
    """One of the two contexts, and z, cost at least so much in whichever step."""
    trained(tmp_path, config=replace(CONFIG, steps=2, free_bits=1e6))
    assert RunFolder(tmp_path).read_metrics()[0]["loss"] > 1e6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, r"training\.steps must be at least 1"),
        ({"schedule": "linear"}, "constant or cosine"),
        ({"learning_rate": 0.0}, "must be positive"),
        ({"free_bits": -1.0}, r"training\.free_bits must be 0 or more"),
    ],
)
def test_bad_training_configs_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        TrainingConfig(**changes)

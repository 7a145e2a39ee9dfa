"""Seeds trained together are what they would be alone, and come and go between sittings."""

import contextlib
from dataclasses import replace

import jax
import numpy as np
import pytest

from cal_jax.errors import NotFiniteError
from cal_jax.io.run_folder import RunFolder
from cal_jax.training import checkpoints, seeds
from cal_jax.training.config import TrainingConfig
from cal_jax.training.parallel import choose_devices
from cal_jax.training.resume import CHECKPOINTS
from cal_jax.training.signals import StopSignal
from cal_jax.training.train import train
from tests.training.toy_task import toy_run

CONFIG = TrainingConfig(steps=10, batch_size=4, chunk_steps=2, learning_rate=1e-2)
TOLERANCE = 1e-6


class StopAfter(StopSignal):
    """Asks for a stop after so many more chunks."""

    exit_code = 143

    def __init__(self, chunks):
        super().__init__()
        self.left = chunks

    @property
    def requested(self):
        self.left -= 1
        return self.left < 0


def trained(path, of, config=CONFIG, *, devices=1, stop=None, **options):
    """Seeds trained together, each in the folder of its number."""
    with contextlib.ExitStack() as stack:
        runs = [
            toy_run(
                stack.enter_context(RunFolder.create_or_open(path / f"{seed}")), seed, **options
            )
            for seed in of
        ]
        return train(runs, config, devices=choose_devices(devices), stop=stop or StopSignal())


@pytest.fixture(name="alone", scope="module")
def each_alone(tmp_path_factory):
    """(folder, results) of seeds 3 and 4, one after the other."""
    path = tmp_path_factory.mktemp("alone")
    return path, {seed: trained(path, [seed])[0] for seed in (3, 4)}


def assert_close(got, want):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=1e-6), got, want
    )


def records(path, seed):
    """Metrics without the seconds."""
    found = RunFolder(path / f"{seed}").read_metrics()
    return [{name: v for name, v in record.items() if name != "seconds"} for record in found]


@pytest.mark.parametrize(("devices", "form"), [(1, "calls"), (2, "scan")])
def test_seeds_trained_together_are_what_each_is_alone(tmp_path, alone, devices, form):
    together = trained(tmp_path, [3, 4], replace(CONFIG, chunk_form=form), devices=devices)
    for seed, one in zip((3, 4), together, strict=True):
        assert_close(one.variables, alone[1][seed].variables)
        assert_close(one.initial_variables, alone[1][seed].initial_variables)
        assert_close(records(tmp_path, seed), records(alone[0], seed))
        assert checkpoints.read_extra(tmp_path / f"{seed}" / CHECKPOINTS)["config"]["seed"] == seed
    means = [one.variables["params"]["mean"] for one in together]
    assert np.abs(means[0] - means[1]).min() > 0.01


def test_seeds_at_different_steps_catch_up_and_go_on_together(tmp_path, alone, capsys):
    """3 stops at step 6, and both when 4 is at step 2; then 4 goes to 6, and both to the end."""
    for of, chunks in (([3], 2), ([3, 4], 0)):
        with pytest.raises(SystemExit):
            trained(tmp_path, of, stop=StopAfter(chunks))
    assert [records(tmp_path, seed)[-1]["step"] for seed in (3, 4)] == [6, 2]
    assert "training 2 seeds" not in capsys.readouterr().err
    together = trained(tmp_path, [3, 4])
    assert "training 2 seeds: 100 %" in capsys.readouterr().err
    for seed, one in zip((3, 4), together, strict=True):
        assert_close(one.variables, alone[1][seed].variables)
        assert_close(records(tmp_path, seed), records(alone[0], seed))


def test_a_seed_that_diverges_is_named_and_no_seed_is_saved(tmp_path):
    def spoilt(folder, seed):
        return toy_run(folder, seed, scale=np.nan if seed == 4 else 1.0)

    with contextlib.ExitStack() as stack:
        runs = [
            spoilt(stack.enter_context(RunFolder.create_or_open(tmp_path / f"{seed}")), seed)
            for seed in (3, 4)
        ]
        with pytest.raises(NotFiniteError, match=r"loss of seed 4 .*at step 1; none is saved"):
            train(runs, CONFIG, devices=choose_devices(1), stop=StopSignal())
    assert checkpoints.read_extra(tmp_path / "3" / CHECKPOINTS) is None


def test_data_that_seeds_share_is_held_once():
    images, own = np.arange(6), [np.zeros(4), np.ones(4)]
    data = seeds.together([(images, own[0]), (images.copy(), own[1])])
    assert data.axes == (None, 0)
    assert data.arrays[0] is images
    assert data.arrays[1].shape == (2, 4)
    assert seeds.together([(images, own[0])]).axes is None


@pytest.mark.parametrize("count", [1, 2])
def test_a_loop_of_steps_sees_no_axis_of_seeds(count):
    """Of one seed neither: XLA:CPU would copy parameters and moments at every step."""
    seen = []

    def loop(state, key, data, rows, steps):
        seen.append((state.shape, key.shape, data.shape, rows.shape, steps))
        return state + rows.sum(), {"loss": rows.sum(axis=-1)}

    rows = np.arange(4 * count * 3.0).reshape(4, count, 3)
    state, metrics = seeds.over_seeds(None, count, loop, 1)(
        np.zeros((count, 5)), seeds.keys_of(range(count)), np.zeros(7), rows, 4
    )
    assert seen == [((5,), (), (7,), (4, 3), 4)]
    np.testing.assert_allclose(state, np.tile(rows.sum(axis=(0, 2))[:, None], 5))
    np.testing.assert_allclose(metrics["loss"], rows.sum(axis=-1))

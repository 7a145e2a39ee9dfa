"""What a batch remembers from step to step, and what changes with the step."""

import contextlib
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.axes import DEVICE
from cal_jax.io.run_folder import RunFolder
from cal_jax.objectives.weighting import Weights
from cal_jax.training.config import SeedTask, TrainingConfig
from cal_jax.training.parallel import choose_devices
from cal_jax.training.signals import StopSignal
from cal_jax.training.step import BatchObjective, mean_over_samples
from cal_jax.training.train import train
from tests.training.toy_task import assert_bit_equal, mapped, toy_task

CONFIG = TrainingConfig(steps=12, batch_size=4, chunk_steps=4, learning_rate=1e-2)


class StopAtOnce(StopSignal):
    """Asks for a stop after the first chunk."""

    exit_code = 143
    requested = True


def combine(terms, memory, _):
    """The reconstruction counts the more, the worse the batches before were."""
    terms = mean_over_samples(terms)
    worse = jax.lax.stop_gradient(-jax.lax.pmean(terms.reconstruction.mean(), DEVICE))
    scaled = (1 + memory) * terms.reconstruction
    return terms._replace(reconstruction=scaled), 0.5 * memory + 0.5 * worse


def remembering(seed):
    return toy_task(seed)._replace(
        batch_objective=BatchObjective(combine, np.zeros((), np.float32))
    )


def trained(path, task, config=CONFIG, *, stop=None, devices=1, seeds=(0,)):
    with contextlib.ExitStack() as stack:
        runs = []
        for seed in seeds:
            folder = stack.enter_context(RunFolder.create_or_open(path / str(seed)))
            runs.append(SeedTask(folder, seed, task(seed), {"seed": seed}))
        return train(runs, config, devices=choose_devices(devices), stop=stop or StopSignal())


def losses(path, seed=0):
    return [record["loss"] for record in RunFolder(path / str(seed)).read_metrics()]


@pytest.mark.parametrize("form", ["calls", "scan"])
def test_a_resumed_run_remembers_what_the_unbroken_one_does(tmp_path, form):
    config = replace(CONFIG, chunk_form=form)
    [whole] = trained(tmp_path / "whole", remembering, config)
    with pytest.raises(SystemExit):
        trained(tmp_path / "broken", remembering, config, stop=StopAtOnce())
    [broken] = trained(tmp_path / "broken", remembering, config)
    assert_bit_equal(broken.variables, whole.variables)
    assert losses(tmp_path / "broken") == losses(tmp_path / "whole")
    trained(tmp_path / "plain", toy_task, config)
    assert losses(tmp_path / "plain")[1:] != losses(tmp_path / "whole")[1:]


def test_two_devices_and_two_seeds_remember_as_one_alone(tmp_path):
    [alone] = trained(tmp_path / "alone", remembering)
    [on_two] = trained(tmp_path / "on_two", remembering, devices=2)
    together = trained(tmp_path / "together", remembering, seeds=(0, 1))
    for other in (on_two, together[0]):
        jax.tree.map(
            lambda got, want: np.testing.assert_allclose(got, want, rtol=1e-4),
            other.variables,
            alone.variables,
        )


def test_what_changes_with_the_step_reaches_the_objective_of_every_set(tmp_path):
    def scaled(variables, keys, x, scale, *, mask=None):
        assert scale.shape == x.shape[:1]
        terms, statistics = mapped(variables, keys, x, mask=mask)
        return jax.tree.map(lambda term: term * scale[:, None], terms), statistics

    def of_step(step):
        return (jnp.where(step < 8, 1.0, 10.0),)

    def task(seed):
        return toy_task(seed)._replace(mapped=scaled, at_step=of_step)

    still = replace(CONFIG, learning_rate=1e-8)
    trained(tmp_path / "scaled", task, still)
    trained(tmp_path / "plain", toy_task, still)
    ratios = np.divide(losses(tmp_path / "scaled"), losses(tmp_path / "plain"))
    np.testing.assert_allclose(ratios, [1, 1, 10], rtol=1e-4)


def test_the_task_s_own_weights_take_the_place_of_the_config_s(tmp_path):
    still = replace(CONFIG, learning_rate=1e-8, alpha=0.0)

    def heavy(seed):
        return toy_task(seed)._replace(weights=lambda _: Weights(3.0, 3.0))

    trained(tmp_path / "heavy", heavy, still)
    trained(tmp_path / "plain", toy_task, still)
    ratios = np.divide(losses(tmp_path / "heavy"), losses(tmp_path / "plain"))
    np.testing.assert_allclose(ratios, 3.0, rtol=1e-4)

"""The loop compiles once, keeps the devices busy, and saves what was true at a step."""

from contextlib import nullcontext
from dataclasses import replace

import jax
import pytest

from cal_jax.io.run_folder import RunFolder
from cal_jax.training import checkpoints, loop
from cal_jax.training.config import TrainingConfig, optimiser_of
from cal_jax.training.parallel import choose_devices, parallel_chunk
from cal_jax.training.resume import CHECKPOINTS
from cal_jax.training.signals import StopSignal
from cal_jax.training.step import initial_state
from cal_jax.training.train import train
from tests.training.toy_task import assert_bit_equal, toy_run, toy_task

CONFIG = TrainingConfig(steps=10, batch_size=4, chunk_steps=4, learning_rate=1e-2)
"""Chunks of 4, 4 and 2 steps."""

COMPILED = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, *_, **__: COMPILED.append(event) if event.endswith("compile_duration") else None
)


class Watching(StopSignal):
    """Counts compilations at the end of each chunk, and stops after so many chunks."""

    exit_code = 143

    def __init__(self, chunks=100):
        super().__init__()
        self.chunks, self.compiled = chunks, []

    @property
    def requested(self):
        self.compiled.append(len(COMPILED))
        return len(self.compiled) > self.chunks


def trained(path, config=CONFIG, stop=None, **options):
    with RunFolder.create_or_open(path) as folder:
        [one] = train(
            [toy_run(folder, 0, **options)],
            config,
            devices=choose_devices(1),
            stop=stop or StopSignal(),
        )
        return one


@pytest.mark.parametrize("form", ["calls", "scan"])
def test_a_sitting_traces_and_compiles_its_step_once(tmp_path, form):
    """The first takes a chunk of 4 steps, the second one of 4 and a last one of 2."""
    config = replace(CONFIG, chunk_form=form)
    for stop, ends in ((Watching(0), pytest.raises(SystemExit)), (Watching(), nullcontext())):
        draws = []
        with ends:
            trained(tmp_path, config, stop, draws=draws)
        assert len(draws) == 1
    assert len(stop.compiled) == 2
    assert len(set(stop.compiled)) == 1
    assert RunFolder(tmp_path).read_metrics()[-1]["step"] == 10


def test_the_next_chunk_is_started_before_the_metrics_of_the_last_are_read(tmp_path, monkeypatch):
    events = []

    def recorded(*arguments, **options):
        chunk = parallel_chunk(*arguments, **options)

        def start(*of_chunk):
            number = events.count("start")
            events.append("start")
            state, read = chunk(*of_chunk)
            return state, lambda: (events.append(f"read {number}"), read())[1]

        return start

    monkeypatch.setattr(loop, "parallel_chunk", recorded)
    trained(tmp_path)
    assert events == ["start", "start", "read 0", "start", "read 1", "read 2"]


def test_a_checkpoint_is_the_state_at_its_step_though_the_next_chunk_has_begun(tmp_path):
    config = replace(CONFIG, steps=12, checkpoint_seconds=0.0)
    trained(tmp_path / "longer", config)
    want = trained(tmp_path / "short", replace(config, steps=8)).variables
    params, statistics = checkpoint_at(tmp_path / "longer", 8, tmp_path / "copy")
    assert_bit_equal({"params": params, "batch_stats": statistics}, want)


def checkpoint_at(path, step, copy):
    """Parameters and running averages of one checkpoint, read from a folder that has only it."""
    (copy / CHECKPOINTS).mkdir(parents=True)
    folder = path / CHECKPOINTS / f"step_{step:08d}"
    folder.rename(copy / CHECKPOINTS / folder.name)
    like = initial_state(toy_task(0).init(), optimiser_of(CONFIG))
    found, state = checkpoints.restore_latest(copy / CHECKPOINTS, like)
    assert found == step
    return state.params, state.batch_stats

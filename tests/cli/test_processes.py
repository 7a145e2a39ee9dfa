"""Two processes of a real experiment are one run; the flags that bring them together."""

import json

import jax
import numpy as np
import pytest

from cal_jax.cli.flags import parse
from cal_jax.cli.processes import CONNECT_TIMEOUT, Distributed, connected
from cal_jax.errors import InputError
from cal_jax.training import manifest, orbax_folder
from experiments import vae_mnist
from experiments.vae_mnist import pipeline as autoencoder
from tests.processes import free_address, run_together

STEPS, SIGNALLED = 40, 10
EXPERIMENT = f"""
import os, signal, sys
from experiments.vae_mnist import pipeline as autoencoder
from cal_jax.training import loop
from experiments import vae_mnist

signalled, rows = sys.argv.pop(1), loop.batch_rows

def batch_rows(*arguments):
    if signalled == "signalled" and arguments[3] == {SIGNALLED}:
        os.kill(os.getpid(), signal.SIGTERM)
    return rows(*arguments)

loop.batch_rows = batch_rows
autoencoder.evaluate = lambda *_: print("evaluated")
sys.exit(vae_mnist.main())
"""

CONNECT = """
import sys
from cal_jax.cli.program import exit_code
from cal_jax.cli.processes import Distributed, connected

def work():
    with connected(Distributed("manual", sys.argv[1], 2, int(sys.argv[2]), 1)):
        pass

sys.exit(exit_code(work))
"""


def arguments_in(folder):
    """The experiment's: one small model, a chunk a step."""
    changes = f"--binarisations static --training.chunk-steps 1 --training.steps {STEPS}".split()
    return ["--preset", "smoke", "--run-dir", str(folder), *changes]


def run_by_two(folder, *, signalled=None):
    """How the two processes of one run end; one of them may get a SIGTERM on its way."""
    place = ["--distributed", "manual", "--coordinator", free_address(), "--processes", "2"]
    of_both = [*arguments_in(folder), *place, "--process-id"]
    words = ["signalled" if rank == signalled else "left alone" for rank in (0, 1)]
    return run_together(EXPERIMENT, *([word, *of_both, rank] for rank, word in enumerate(words)))


def last_checkpoint(folder):
    """(step, leaves)."""
    (newest, *_) = sorted((folder / "static" / "checkpoints").iterdir(), reverse=True)
    step = int(newest.name.removeprefix("step_"))
    described = manifest.read_verified(newest, step)["leaves"]
    return step, orbax_folder.read(newest / "tree", described)


def steps_logged(folder):
    lines = (folder / "static" / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in lines]


def test_two_processes_stop_together_resume_and_are_one_run(tmp_path, monkeypatch):
    """A signal to process 1 alone; then equal to 2 devices of one process, and close to 1."""
    stopped = run_by_two(tmp_path / "two", signalled=1)
    assert [end.code for end in stopped] == [143, 143], stopped
    step, _ = last_checkpoint(tmp_path / "two")
    assert SIGNALLED - 2 <= step < STEPS
    assert steps_logged(tmp_path / "two") == list(range(1, step + 1))
    assert f"stopped at step {step}; the same command resumes" in stopped[0].error
    assert "step" not in stopped[1].error

    resumed = run_by_two(tmp_path / "two")
    assert [end.code for end in resumed] == [0, 0], resumed
    assert ["evaluated\n" in end.out for end in resumed] == [True, False]
    assert f"resuming static at step {step}" in resumed[0].error
    assert "step" not in resumed[1].error
    assert steps_logged(tmp_path / "two") == list(range(1, STEPS + 1))

    _, got = last_checkpoint(tmp_path / "two")
    monkeypatch.setattr(autoencoder, "evaluate", lambda *_: None)
    for devices, tolerance in (("2", 0.0), ("1", 1e-5)):
        folder = tmp_path / devices
        assert vae_mnist.main([*arguments_in(folder), "--devices", devices]) == 0
        _, want = last_checkpoint(folder)
        for of_two, of_one in zip(got, want, strict=True):
            np.testing.assert_allclose(of_two, of_one, atol=tolerance, rtol=tolerance)


def test_whoever_waits_in_vain_says_for_whom():
    coordinator = free_address()
    (alone,) = run_together(CONNECT, [coordinator, 0])
    limit = "within 1 s (--connect-timeout)\n"
    assert alone == (2, "", f"error: --processes 2: not all of them came {limit}")
    (unanswered,) = run_together(CONNECT, [coordinator, 1])
    said = f"error: --coordinator {coordinator}: process 0 did not answer there {limit}"
    assert unanswered == (2, "", said)


def read(*arguments):
    return parse(Distributed, arguments, prog="p", description="")


def test_flags_are_read():
    assert read() == Distributed("off", None, None, None)
    assert read().timeout == CONNECT_TIMEOUT
    assert read("--distributed", "auto", "--connect-timeout", "9").timeout == 9
    manual = ["--coordinator", "[::1]:80", "--processes", "3", "--process-id", "2"]
    assert read("--distributed", "manual", *manual) == Distributed("manual", "[::1]:80", 3, 2)


MANUAL = "--distributed manual --coordinator a:1 --processes 2 --process-id 1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--processes 2", "--processes 2: accepted only with --distributed manual"),
        ("--distributed auto --process-id 0", "--process-id 0: accepted only with"),
        ("--connect-timeout 5", "--connect-timeout 5: accepted with --distributed auto or manual"),
        (f"{MANUAL} --connect-timeout 0", "--connect-timeout 0: accepted are 1 and above"),
        ("--distributed manual --processes 2", "needs --coordinator, --process-id too"),
        (f"{MANUAL} --coordinator host", "--coordinator host: accepted is HOST:PORT"),
        (f"{MANUAL} --coordinator host:0", "--coordinator host:0: accepted is HOST:PORT"),
        (f"{MANUAL} --processes 0", "--processes 0: accepted are 1 and above"),
        (f"{MANUAL} --process-id 2", "--process-id 2: accepted are 0 to 1"),
        (f"{MANUAL} --process-id -1", "--process-id -1: accepted are 0 to 1"),
    ],
)
def test_bad_flags_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        read(*arguments.split())


def test_a_run_that_is_alone_connects_nothing():
    with connected(Distributed()):
        assert not jax.distributed.is_initialized()

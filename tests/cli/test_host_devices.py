"""The CPU as several devices: programs of their own, as it is done before JAX has started."""

import pytest

from cal_jax.io.provenance import cores
from tests.processes import run_together

ASKED = """
import sys
from cal_jax.cli.program import request, run_experiment
from cal_jax.training.parallel import choose_devices
from experiments.vae_mnist import PRESETS

flags = sys.argv[1:]
sys.exit(run_experiment(
    lambda: request("experiments.vae_mnist", "", PRESETS, flags),
    lambda asked: print(len(choose_devices(asked.devices))),
))
"""


def ended(*flags):
    """How a program ends that counts the devices it was asked for."""
    (end,) = run_together(ASKED, ["--compilation-cache", "off", *flags])
    return end


@pytest.mark.skipif(cores() < 2, reason="one core")
def test_a_cpu_is_divided_into_the_devices_asked_for():
    assert ended("--devices", "2") == (0, "2\n", "")


def test_without_the_flag_it_is_one_device():
    assert ended() == (0, "1\n", "")


def test_more_than_cores_are_refused():
    most = cores()
    said = f"error: --devices {most + 1}: accepted are 1 to {most} on this machine\n"
    assert ended("--devices", str(most + 1)) == (2, "", said)


def test_devices_that_xla_was_told_of_stay_as_they_are(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=3")
    assert ended("--devices", "2") == (0, "2\n", "")
    assert ended("--devices", "3") == (0, "3\n", "")

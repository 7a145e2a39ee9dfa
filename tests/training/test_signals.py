"""Real signals, to a real process."""

import signal
import subprocess
import sys
import threading

import pytest

from cal_jax.training.signals import StopSignal

PROGRAM = """
import sys, time
from cal_jax.training.signals import StopSignal

with StopSignal() as stop:
    assert (stop.requested, stop.exit_code) == (False, 0)
    print("ready", flush=True)
    deadline = time.monotonic() + 20
    while not stop.requested and time.monotonic() < deadline:
        time.sleep(0.01)
    print("saving", flush=True)
    while sys.argv[1] == "stuck" and time.monotonic() < deadline:
        time.sleep(0.01)
print("saved", flush=True)
sys.exit(stop.exit_code)
"""


def run(mode: str, *signals: signal.Signals) -> tuple[int, str]:
    """The exit code, and what was printed after the first signal."""
    command = [sys.executable, "-c", PROGRAM, mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signals[0])
        assert process.stdout.readline() == "saving\n"
        for number in signals[1:]:
            process.send_signal(number)
        return process.wait(timeout=30), process.stdout.read()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_first_signal_lets_the_loop_save(number: signal.Signals, code: int) -> None:
    assert run("quick", number) == (code, "saved\n")


def test_the_second_signal_ends_at_once() -> None:
    assert run("stuck", signal.SIGTERM, signal.SIGTERM) == (143, "")
    assert run("stuck", signal.SIGTERM, signal.SIGINT) == (130, "")


def test_handlers_are_restored() -> None:
    def mine(*_: object) -> None: ...

    interrupt = signal.getsignal(signal.SIGINT)
    before = signal.signal(signal.SIGTERM, mine)
    try:
        with StopSignal():
            assert signal.getsignal(signal.SIGTERM) is not mine
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
    assert signal.getsignal(signal.SIGINT) is interrupt


def test_inert_in_another_thread() -> None:
    found = []

    def work() -> None:
        with StopSignal() as stop:
            found.append((stop.requested, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(False, signal.getsignal(signal.SIGTERM))]

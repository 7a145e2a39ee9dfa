import io
import sys

import pytest

from cal_jax.cli.progress import Progress
from cal_jax.errors import InputError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def open_terminal(monkeypatch: pytest.MonkeyPatch, term: str = "xterm-256color") -> Terminal:
    stream = Terminal()
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_plain_lines_are_rare_and_the_last_is_always_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    with Progress(1000, "training", clock=clock) as progress:
        assert progress.eta_seconds() is None
        for step in range(100, 1001, 100):
            clock.now += 4
            progress.update(step, {"elbo": -93.1234 - step, "kl": 7.0})
    assert lines(capsys) == [
        "training:  30 %  step 300/1000  ETA 00:28  elbo -393.1  kl 7",
        "training:  60 %  step 600/1000  ETA 00:16  elbo -693.1  kl 7",
        "training:  90 %  step 900/1000  ETA 00:04  elbo -993.1  kl 7",
        "training: 100 %  step 1000/1000  ETA 00:00  elbo -1093  kl 7",
    ]


def test_an_interrupted_run_shows_where_it_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()

    def work() -> None:
        with Progress(10, "scoring", unit="set", initial_step=5, clock=clock) as progress:
            clock.now += 3600
            progress.update(6)
            clock.now += 1
            progress.update(7, {"accuracy": float("nan")})
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert lines(capsys) == [
        "scoring:  60 %  set 6/10  ETA 4:00:00",
        "scoring:  70 %  set 7/10  ETA 1:30:02  accuracy nan",
    ]


def test_no_work_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(10, "training"):
        pass
    assert lines(capsys) == []
    with pytest.raises(InputError, match="total_steps must be 1 or more: got 0"):
        Progress(0, "training")


def test_a_bar_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rich")
    terminal = open_terminal(monkeypatch)
    with Progress(1000, "training [a]") as progress:
        progress.update(250, {"elbo": -93.1})
        print("a result")
    shown = terminal.getvalue()
    for part in ("training [a]", "25%", "250/1000 steps", "ETA", "elbo -93.1"):
        assert part in shown
    assert capsys.readouterr().out == "a result\n"


@pytest.mark.parametrize("why", ["no rich", "dumb terminal"])
def test_plain_lines_in_a_terminal(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    terminal = open_terminal(monkeypatch, "dumb" if why == "dumb terminal" else "xterm")
    if why == "no rich":
        monkeypatch.setitem(sys.modules, "rich", None)
    with Progress(4, "training") as progress:
        progress.update(1)
        progress.update(4)
    assert terminal.getvalue() == "training: 100 %  step 4/4  ETA 00:00\n"

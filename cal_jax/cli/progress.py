"""Progress of long work on stderr: a live bar in a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import Any, Self

from cal_jax.errors import InputError


class Progress:
    """Shows how far long work is, how long is left, and a few numbers of it.

    In a terminal: a bar of the package rich. Otherwise, or without rich: at
    most one line in ``every_seconds``, and always the last::

        with Progress(1000, "training") as progress:
            progress.update(100, {"elbo": -93.1, "kl": 7.2})

    Args:
      total_steps: where the work ends, above zero.
      description: the words before the bar.
      unit: what a step is called.
      every_seconds: the shortest time between two plain lines.
      initial_step: where a resumed run begins; it does not count for the rate.
      silent: show nothing, as on all processes of a run but one.
      clock: seconds, for tests.
    """

    def __init__(
        self,
        total_steps: int,
        description: str,
        *,
        unit: str = "step",
        every_seconds: float = 10.0,
        initial_step: int = 0,
        silent: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if total_steps < 1:
            raise InputError(f"total_steps must be 1 or more: got {total_steps}")
        self._total, self._description, self._unit = total_steps, description, unit
        self._every, self._clock, self._silent = every_seconds, clock, silent
        self._first = self._step = self._shown = initial_step
        self._values: dict[str, float] = {}
        self._started = self._last_line = clock()
        self._bar: _Bar | None = None

    def __enter__(self) -> Self:
        self._started = self._last_line = self._clock()
        if not self._silent:
            self._bar = _Bar.open(self._total, self._step, self._description)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._shown != self._step:
            self._print_line()

    def update(self, step: int, values: dict[str, float] | None = None) -> None:
        """``step`` steps are done in all; ``values`` are shown beside, by name."""
        self._step = step
        self._values = dict(values) if values is not None else self._values
        if self._bar is not None:
            self._bar.update(step, f"{step}/{self._total} {self._unit}s", self._text())
        elif step >= self._total or self._clock() - self._last_line >= self._every:
            self._print_line()

    def eta_seconds(self) -> float | None:
        """Seconds left at the mean rate so far; None before the first step."""
        done = self._step - self._first
        if done <= 0:
            return None
        return (self._clock() - self._started) / done * max(self._total - self._step, 0)

    def _print_line(self) -> None:
        if self._silent:
            return
        self._last_line, self._shown = self._clock(), self._step
        percent = 100 * self._step / self._total
        parts = [
            f"{self._description}: {percent:3.0f} %",
            f"{self._unit} {self._step}/{self._total}",
            f"ETA {_duration(self.eta_seconds())}",
            self._text(),
        ]
        print("  ".join(part for part in parts if part), file=sys.stderr, flush=True)

    def _text(self) -> str:
        return "  ".join(f"{name} {float(value):.4g}" for name, value in self._values.items())


class _Bar:
    """The rich bar; ``open`` is None where stderr is no terminal or rich is missing."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task

    @classmethod
    def open(cls, total: int, completed: int, description: str) -> Self | None:
        if not sys.stderr.isatty():
            return None
        try:
            from rich import console, progress
        except ImportError:
            return None
        terminal = console.Console(stderr=True)
        if terminal.is_dumb_terminal:
            return None
        columns = [
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.fields[count]}", markup=False),
            progress.TextColumn("ETA"),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[values]}", markup=False),
        ]
        # What the work prints meanwhile stays on stdout unless a person reads it there too.
        bar = progress.Progress(*columns, console=terminal, redirect_stdout=sys.stdout.isatty())
        task = bar.add_task(description, total=total, completed=completed, count="", values="")
        bar.start()
        return cls(bar, task)

    def update(self, step: int, count: str, values: str) -> None:
        self._bar.update(self._task, completed=step, count=count, values=values)

    def close(self) -> None:
        self._bar.stop()


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "--:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"

"""Published results as Markdown: one result, or several side by side."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from cal_jax.metrics.scores import shown, shown_unit


def single(results: Mapping[str, Any]) -> str:
    """A gathered result: its table, and what must be read beside it."""
    return f"{table(results)}\n{caption(results)}"


def compared(all_results: Sequence[Mapping[str, Any]]) -> str:
    """Gathered results: a column each, and what must be read beside them."""
    captions = "".join(f"- {caption(one)}" for one in all_results)
    return f"{comparison(all_results)}\n{captions}"


def table(results: Mapping[str, Any]) -> str:
    """A gathered result as a Markdown table; sd is the sample standard deviation over seeds."""
    seeds = len(results["seeds"])
    thesis = results["thesis"]
    header = ["score", _heading(seeds), "ceiling", "unit", *(["thesis"] if thesis else [])]
    lines = _head(header)
    for name, score in results["scores"].items():
        ceiling = shown(score["ceiling"], score["unit"])
        cells = [name, _mean(score), ceiling, shown_unit(score["unit"])]
        lines.append(_row(cells + ([thesis.get(name, "")] if thesis else [])))
    return "\n".join(lines) + "\n"


def comparison(all_results: Sequence[Mapping[str, Any]]) -> str:
    """Gathered results as one Markdown table, a column for each, scores of the first.

    A column is named by its preset; where experiments differ, by its experiment too.
    """
    first = all_results[0]["scores"]
    several = len({one["experiment"] for one in all_results}) > 1
    columns = []
    for one in all_results:
        name = f"{one['experiment']} {one['preset']}" if several else one["preset"]
        columns.append(f"{name}, {_heading(len(one['seeds']))}")
    lines = _head(["score", *columns, "unit"])
    for name, score in first.items():
        found = [one["scores"].get(name) for one in all_results]
        means = ["" if one is None else _mean(one) for one in found]
        lines.append(_row([name, *means, shown_unit(score["unit"])]))
    return "\n".join(lines) + "\n"


def by_method(results: Mapping[str, Any], methods: Sequence[str], measures: Sequence[str]) -> str:
    """A gathered result with a row for each method and a column for each measure.

    Raises:
      KeyError: there is no score ``<method>_<measure>``.
    """
    scores = results["scores"]
    lines = _head([_heading(len(results["seeds"])), *measures])
    lines += [
        _row([method, *(_mean(scores[f"{method}_{measure}"]) for measure in measures)])
        for method in methods
    ]
    return "\n".join(lines) + f"\n\n{caption(results)}"


def caption(results: Mapping[str, Any]) -> str:
    """What must be read beside the table: the command, the machines, the data, the oracle."""
    data = results["data"]
    minutes = statistics.fmean(results["seconds"]) / 60
    kinds = [str(data[key]) for key in ("image_size", "binarisation") if key in data]
    seeds = ", ".join(map(str, results["seeds"]))
    devices = " and ".join(dict.fromkeys(results["devices"]))
    word = "seeds" if len(results["seeds"]) > 1 else "seed"
    return (
        f"`{results['command']}`, {word} {seeds}: "
        f"{minutes:.1f} minutes a seed on {devices};"
        f" data {' '.join([data['name'], *kinds])}{_oracle(results['oracle'])}.\n"
    )


def _heading(seeds: int) -> str:
    return f"mean ± sd ({seeds} seeds)" if seeds > 1 else "value (1 seed)"


def _mean(score: Mapping[str, Any]) -> str:
    values, unit = score["values"], score["unit"]
    average = statistics.fmean(values)
    mean = shown(average, unit)
    if len(values) == 1:
        return mean
    return f"{mean} ± {shown(statistics.stdev(values), unit, beside=average)}"


def _oracle(oracle: Mapping[str, Any] | None) -> str:
    if oracle is None:
        return ""
    found = oracle["accuracy"]
    of_factors = found if isinstance(found, Mapping) else {"every factor": found}
    accuracy = (f"{name} {100 * value:.1f} %" for name, value in of_factors.items())
    return f"; oracle on single test items: {', '.join(accuracy)}"


def _head(names: Sequence[str]) -> list[str]:
    return [_row(names), "|---" * len(names) + "|"]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

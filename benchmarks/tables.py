"""Records of benchmarks as Markdown tables; records of one kind share a table."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.targets import verdict

Record = dict[str, Any]

LARGEST = 12
"""Operations of a profile that its table shows."""


def tables(records: list[Record]) -> str:
    """A table of records of one kind, and under it how each was measured.

    Raises:
        ValueError: records of several kinds, or of an unknown one.
    """
    kinds = {record["benchmark"].partition("-")[0] for record in records}
    if len(kinds) != 1 or not kinds <= set(_TABLES):
        raise ValueError(f"one kind of {', '.join(_TABLES)}, not {', '.join(sorted(kinds))}")
    (kind,) = kinds
    return "\n".join([_TABLES[kind](records), *map(_caption, records)]) + "\n"


def _step(records: list[Record]) -> str:
    def row(record: Record) -> list[str]:
        model = record["model"]
        ratio, share = record[f"{model}_vs_plain_flax"], record[f"{model}_share_of_ceiling"]
        compiling, times = record["compile_seconds"], record["milliseconds_per_step"]
        return [
            model,
            _number(times["cal_jax"]["median"]),
            _number(times["plain_flax"]["median"]),
            _number(ratio),
            verdict(f"{model}_vs_plain_flax", ratio),
            _number(record["model_gflop_per_step"]),
            _number(record["gflop_per_second"]),
            _number(record["ceiling"]["matmul_gflop_per_second"]["median"]),
            f"{100 * share:.1f} %",
            verdict(f"{model}_share_of_ceiling", share),
            f"{_number(record['roofline']['flop_per_byte'])} ({record['roofline']['bound_by']})",
            f"{_number(compiling['cold'])} / {_number(compiling['cached'])}",
            " + ".join(_number(seconds) for seconds in compiling["cached_parts"].values()),
            f"{verdict('compile_cold', compiling['cold'])} / "
            f"{verdict('compile_cached', compiling['cached'])}",
            _number(record["program"]["peak_bytes"] / 2**20),
        ]

    header = [
        "model",
        "ms a step",
        "plain Flax",
        "ratio",
        "target",
        "GFLOP a step",
        "GFLOP/s",
        "ceiling",
        "share",
        "target",
        "FLOP a byte",
        "compile, s: cold / cached",
        "cached: trace + lower + load",
        "target",
        "program, MiB",
    ]
    return markdown(header, map(row, records))


def _versus_pytorch(records: list[Record]) -> str:
    forms = ["cal_jax", "eager", "channels_last", "compile", "compile_channels_last"]

    def row(record: Record) -> list[str]:
        name = next(name for name in record if name.startswith(f"{record['model']}_vs_pytorch"))
        times = (record["milliseconds_per_step"][form] for form in forms)
        cells = ["-" if time is None else _number(time["median"]) for time in times]
        adam = [_number(time["median"]) for time in record["adam_milliseconds"].values()]
        ratio = [_number(record[name]), verdict(name, record[name])]
        precision = record["precision"]
        what = record["model"] if precision == "float32" else f"{record['model']}, {precision}"
        return [what, *cells, *ratio, " / ".join(adam)]

    header = [
        "model, ms a step",
        *forms,
        "ratio to the best",
        "target",
        "Adam alone: ours / theirs",
    ]
    return markdown(header, map(row, records))


def _scaling(records: list[Record]) -> str:
    def rows(record: Record) -> Iterable[list[str]]:
        for axis, found in record["axes"].items():
            error, exponent = found["standard_error"], found["exponent"]
            steps = found["milliseconds_per_step"].items()
            yield [
                record["model"],
                axis,
                ", ".join(f"{value}: {_number(time['median'])}" for value, time in steps),
                f"{exponent:.2f}" + ("" if error is None else f" ± {error:.2f}"),
                "-" if axis in ("image_size", "seeds") else verdict("exponent", exponent),
            ]

    header = ["model", "axis", "ms a step", "exponent", "target"]
    return markdown(header, (row for record in records for row in rows(record)))


def _processes(records: list[Record]) -> str:
    def row(record: Record) -> list[str]:
        model, times = record["model"], record["milliseconds_per_batch"]
        names = [name for name in times if name != "one"]
        ratios = {name: record[f"{model}_{name}_vs_one"] for name in names}
        targets = {f"{model}_{name}_vs_one": ratio for name, ratio in ratios.items()}
        verdicts = [f"{name} {verdict(name, value)}" for name, value in targets.items()]
        return [
            model,
            _number(times["one"]["median"]),
            *(f"{ratio:.2f}" for ratio in ratios.values()),
            ", ".join(text for text in verdicts if not text.endswith("-")) or "-",
        ]

    names = [name for name in records[0]["milliseconds_per_batch"] if name != "one"]
    header = ["model", "ms a batch, one device", *(f"{name} / one" for name in names), "target"]
    return markdown(header, map(row, records))


def _end_to_end(records: list[Record]) -> str:
    phases = ["data", "compile", "training", "evaluation", "figures", "other"]

    def row(record: Record) -> list[str]:
        share = record["host_share_between_chunks"]
        return [
            f"{record['experiment']}, {record['preset']}",
            _number(record["wall_seconds"]),
            *(_number(record["phase_seconds"].get(phase, 0.0)) for phase in phases),
            "-" if share is None else f"{100 * share:.2f} %",
            verdict("host_share_between_chunks", share),
        ]

    header = ["experiment", "seconds", *phases, "host between chunks", "target"]
    return markdown(header, map(row, records))


def _accelerator(records: list[Record]) -> str:
    def rows(record: Record) -> Iterable[list[str]]:
        for precision, found in record["precisions"].items():
            best = max(found["batches"], key=lambda batch: batch["items_per_second"])
            cost = found["thesis_cost"]
            yield [
                record["model"],
                precision,
                _number(found["batches"][0]["milliseconds_per_step"]["median"]),
                f"{best['batch_size']}: {_number(best['items_per_second'])}",
                found["ended"],
                f"{100 * found['mfu']:.1f} %",
                f"{_number(found['thesis_hours'])} h" + ("" if cost is None else f", {cost:.2f}"),
            ]

    header = [
        "model",
        "precision",
        "ms a step",
        "best batch: items/s",
        "sweep ended",
        "MFU",
        "62,500 steps",
    ]
    return markdown(header, (row for record in records for row in rows(record)))


def _profile(records: list[Record]) -> str:
    """By kind, and of each record its largest operations."""

    def by_kind(record: Record) -> list[str]:
        walls = [record["wall_milliseconds_per_step"], *record["kinds"].values()]
        form = f"{record['model']}, {record['form']}"
        return [form, str(record["batch_size"]), *map(_number, walls)]

    def largest(record: Record) -> Iterable[list[str]]:
        for found in record["operations"][:LARGEST]:
            place = [found["layer"], found["direction"], f"`{found['operation']}`"]
            share = f"{100 * found['share']:.1f} %"
            batch = str(record["batch_size"])
            yield [record["model"], batch, *place, _number(found["milliseconds"]), share]

    kinds = markdown(["ms a step", "batch", "wall", *records[0]["kinds"]], map(by_kind, records))
    ours = (record for record in records if record["form"] == "cal_jax")
    header = ["model", "batch", "layer", "direction", "operation", "ms a step", "share"]
    return f"{kinds}\n{markdown(header, (row for record in ours for row in largest(record)))}"


def _chunk_form(records: list[Record]) -> str:
    def row(record: Record) -> list[str]:
        times = record["milliseconds_per_step"]
        return [
            record["model"],
            _number(times["calls"]["median"]),
            _number(times["scan"]["median"]),
            _number(record["scan_vs_calls"]),
        ]

    return markdown(["model, ms a step", "calls", "scan", "scan / calls"], map(row, records))


_TABLES: dict[str, Callable[[list[Record]], str]] = {
    "step": _step,
    "versus_pytorch": _versus_pytorch,
    "scaling": _scaling,
    "processes": _processes,
    "end_to_end": _end_to_end,
    "accelerator": _accelerator,
    "profile": _profile,
    "chunk_form": _chunk_form,
}


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _caption(record: Record) -> str:
    revision = record["revision"] or "unknown"
    versions = f"jax {record['versions']['jax']}"
    if "torch" in record:
        versions += f", torch {record['torch']}"
    return f"`{record['command']}`: {record['device']}, {versions}, revision {revision}.\n"


def _number(value: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{float(f'{value:.3g}'):,.10g}"

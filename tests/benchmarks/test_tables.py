"""Tables of the records, and the page that holds them."""

from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.tables import LARGEST, tables
from benchmarks.targets import verdict
from cal_jax.errors import InputError

ROOT = Path(__file__).parent.parent.parent
ORIGIN = {
    "command": "python -m benchmarks.chunk_form --model vae",
    "device": "cpu: x, 2 cores",
    "versions": {"jax": "0.10.2"},
    "revision": "abc",
}


def chunk_form(model, calls, scan):
    return {
        **ORIGIN,
        "benchmark": f"chunk_form-{model}",
        "model": model,
        "milliseconds_per_step": {"calls": {"median": calls}, "scan": {"median": scan}},
        "scan_vs_calls": scan / calls,
    }


def test_records_of_one_kind_share_a_table_with_their_origin_below():
    lines = tables([chunk_form("vae", 4.0, 2.0), chunk_form("statistician", 81.04, 54.0)])
    assert lines.splitlines() == [
        "| model, ms a step | calls | scan | scan / calls |",
        "| --- | --- | --- | --- |",
        "| vae | 4 | 2 | 0.5 |",
        "| statistician | 81 | 54 | 0.666 |",
        "",
        f"`{ORIGIN['command']}`: cpu: x, 2 cores, jax 0.10.2, revision abc.",
        "",
        f"`{ORIGIN['command']}`: cpu: x, 2 cores, jax 0.10.2, revision abc.",
        "",
    ]


def test_a_race_on_a_gpu_is_shown_without_the_targets_of_two_cores():
    times = {"cal_jax": {"median": 2.0}, "eager": {"median": 8.0}, "channels_last": None}
    race = {
        **ORIGIN,
        "benchmark": "versus_pytorch-vae-gpu",
        "model": "vae",
        "precision": "float32",
        "milliseconds_per_step": {**times, "compile": None, "compile_channels_last": None},
        "vae_vs_pytorch_gpu": 0.25,
        "adam_milliseconds": {"cal_jax": {"median": 0.5}, "pytorch": {"median": 1.5}},
    }
    cells = "| 2 | 8 | - | - | - | 0.25 | - | 0.5 / 1.5 |"
    rows = tables([race, {**race, "precision": "tensorfloat32"}]).splitlines()[2:4]
    assert rows == [f"| vae {cells}", f"| vae, tensorfloat32 {cells}"]


def test_a_sweep_of_batches_is_shown_by_its_first_and_its_best():
    batches = [
        {"batch_size": size, "items_per_second": rate, "milliseconds_per_step": {"median": 2.0}}
        for size, rate in ((32, 400.0), (64, 500.0), (128, 450.0))
    ]
    found = {"batches": batches, "ended": "saturated", "mfu": 0.25, "thesis_hours": 0.5}
    sweep = {
        **ORIGIN,
        "benchmark": "accelerator-vae",
        "model": "vae",
        "precisions": {
            "float32": {**found, "thesis_cost": None},
            "bfloat16": {**found, "thesis_cost": 1.5},
        },
    }
    cells = "| 2 | 64: 500 | saturated | 25.0 % | 0.5 h"
    rows = tables([sweep]).splitlines()[2:4]
    assert rows == [f"| vae | float32 {cells} |", f"| vae | bfloat16 {cells}, 1.50 |"]


def test_a_profile_shows_kinds_of_every_form_and_the_largest_operations_of_ours():
    def profile(form, operations):
        places = [("encoder", "forward", "max", 9.0 - index, 0.1) for index in range(operations)]
        names = ("layer", "direction", "operation", "milliseconds", "share")
        return {
            **ORIGIN,
            "benchmark": f"profile-vae-{form}",
            "model": "vae",
            "form": form,
            "batch_size": 32,
            "wall_milliseconds_per_step": 5.0,
            "kinds": {"products": 2.0, "rest": 1.5},
            "operations": [dict(zip(names, place, strict=True)) for place in places],
        }

    lines = tables([profile("cal_jax", LARGEST + 1), profile("pytorch", 1)]).splitlines()
    assert lines[0] == "| ms a step | batch | wall | products | rest |"
    assert lines[2:4] == [
        "| vae, cal_jax | 32 | 5 | 2 | 1.5 |",
        "| vae, pytorch | 32 | 5 | 2 | 1.5 |",
    ]
    assert lines[7] == "| vae | 32 | encoder | forward | `max` | 9 | 10.0 % |"
    assert sum("`max`" in line for line in lines) == LARGEST


def test_kinds_are_not_mixed():
    with pytest.raises(ValueError, match="one kind of"):
        tables([chunk_form("vae", 4.0, 2.0), {**ORIGIN, "benchmark": "step-vae"}])


def test_a_target_is_met_at_its_limit_and_missed_beyond():
    assert verdict("context_aware_vs_pytorch", 1.5) == "≤ 1.5: met"
    assert verdict("context_aware_vs_pytorch", 1.51) == "≤ 1.5: missed"
    assert verdict("context_aware_share_of_ceiling", 0.2) == "≥ 0.22: missed"
    assert verdict("vae_vs_plain_flax", 0.2) == verdict("vae_vs_pytorch", None) == "-"


def test_the_page_is_written_and_checked(tmp_path, capsys):
    import json

    (tmp_path / "benchmark-chunk_form-vae.json").write_text(json.dumps(chunk_form("vae", 4, 2)))
    page = tmp_path / "page.md"
    name = "results:benchmark-chunk_form-vae"
    page.write_text(f"before\n<!-- {name} -->\n<!-- /{name} -->\nafter\n")
    words = [f"--page={page}", f"--results={tmp_path}"]
    assert table.main([*words, "--check"]) == 2
    assert "out of date: run python -m benchmarks.table" in capsys.readouterr().err
    assert table.main(words) == 0
    assert "| vae | 4 | 2 | 0.5 |" in page.read_text()
    assert table.main([*words, "--check"]) == 0


def test_the_published_tables_are_those_of_the_results():
    assert not table.update(ROOT / table.PAGE, ROOT / "results", check=True)


def test_a_record_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match=r"benchmark-step-vae\.json"):
        table.update(ROOT / table.PAGE, tmp_path)

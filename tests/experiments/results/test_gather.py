"""Runs joined by hand-computed numbers, and what must not be mixed."""

import json

import pytest

from cal_jax.errors import InputError
from experiments.results.__main__ import main
from experiments.results.gather import gather, write
from experiments.results.record import read_run, write_run
from experiments.results.tables import caption, table
from tests.experiments.results.runs import COMMAND, run


def test_a_variant_is_a_preset_of_its_own_and_takes_later_seeds(directory, tmp_path, capsys):
    first, second, other = directory(run(0), run(1), run(2, config={"model.norm": "layer"}))
    out = ["--out", str(tmp_path)]
    assert main(["gather", "--variant", "narrow", str(first), *out]) == 0
    path = tmp_path / "black_and_white-cpu-narrow.json"
    assert main(["gather", "--variant", "narrow", str(path), str(second), *out]) == 0
    joined = json.loads(path.read_text())
    assert (joined["preset"], joined["seeds"]) == ("cpu-narrow", [0, 1])
    assert main(["gather", "--variant", "narrow", str(path), str(other), *out]) == 2
    assert main(["gather", "--variant", "a/b", str(first), *out]) == 2
    errors = capsys.readouterr().err
    assert "differ in config" in errors
    assert "--variant 'a/b'; accepted: letters, digits and . - _" in errors


def test_runs_are_joined_in_order_of_seed(directory):
    joined = gather(directory(run(2, 0.8), run(0, 0.9), run(10, 0.94)))
    assert joined["seeds"] == [0, 2, 10]
    assert joined["seconds"] == [60.0, 62.0, 70.0]
    assert joined["command"] == f"{COMMAND} --seed SEED"
    assert joined["scores"]["conditional_digit"] == {
        "values": [0.9, 0.8, 0.94],
        "ceiling": pytest.approx(0.95),
        "unit": "fraction",
    }
    assert joined["scores"]["elbo_per_item"]["ceiling"] is None


def test_a_joined_file_stands_for_its_runs(directory, tmp_path):
    runs = directory(run(2, 0.8), run(0, 0.9), run(1, 0.94))
    at_once = gather(runs)
    first = write(gather(runs[:2]), tmp_path / "results")
    assert gather([first, runs[2]]) == at_once
    with pytest.raises(InputError, match="same seed occurs twice"):
        gather([first, runs[0]])


def test_a_file_that_is_no_joined_result_is_refused_by_name(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"seeds": [0]}')
    with pytest.raises(InputError, match=r"other\.json is not a gathered result"):
        gather([path])


def test_what_the_thesis_says_is_a_column_and_an_oracle_may_be_missing(directory):
    thesis = {"elbo_per_item": "figure 4.3, no number"}
    joined = gather(directory(run(thesis=thesis, oracle=None)))
    header, _, digit, elbo = table(joined).splitlines()
    assert header.endswith("| unit | thesis |")
    assert digit.endswith("| % |  |")
    assert elbo.endswith("| figure 4.3, no number |")
    assert "oracle" not in caption(joined)


def test_the_published_file_is_named_by_experiment_and_preset(directory, tmp_path):
    joined = gather(directory(run()))
    path = write(joined, tmp_path / "results")
    assert path.name == "black_and_white-cpu.json"
    assert json.loads(path.read_text()) == joined


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"experiment": "other"}, "experiment"),
        ({"preset": "gpu"}, "preset"),
        ({"versions": {"jax": "0.11"}}, "versions"),
        ({"oracle": {"digest": "d2", "accuracy": {}}}, "oracle"),
        ({"data": run()["data"] | {"fingerprint": "f2"}}, "data"),
        ({"command": "python -m experiments.black_and_white --seed 1 --steps 5"}, "command"),
        ({"scores": {"elbo_per_item": run()["scores"]["elbo_per_item"]}}, "conditional_digit"),
        ({"seed": 0}, "same seed"),
        ({"config": {"model.norm": "layer"}}, "config"),
    ],
)
def test_runs_that_differ_are_not_mixed(directory, changed, named):
    with pytest.raises(InputError, match=named) as caught:
        gather(directory(run(0), run(1) | changed))
    assert "\n" not in str(caught.value)


def test_runs_of_two_machines_are_joined_and_both_are_named(directory):
    joined = gather(directory(run(0), run(1, device="H100"), run(2)))
    assert joined["devices"] == ["cpu", "H100", "cpu"]
    assert "minutes a seed on cpu and H100;" in caption(joined)


def test_units_are_not_mixed(directory):
    other = run(1)
    other["scores"]["conditional_digit"]["unit"] = "ratio"
    with pytest.raises(InputError, match="conditional_digit"):
        gather(directory(run(0), other))


@pytest.mark.parametrize("field", list(run()))
def test_a_run_without_a_field_is_refused(directory, field):
    (path,) = directory(run())
    fields = run()
    del fields[field]
    (path / "scores.json").write_text(json.dumps(fields))
    with pytest.raises(InputError, match=field):
        read_run(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": "0"},
        {"seed": True},
        {"experiment": "../up"},
        {"data": {"name": "mnist"}},
        {"oracle": {"accuracy": {}}},
        {"scores": {}},
        {"scores": {"a": {"value": 1.0, "unit": "fraction"}}},
        {"scores": {"a": {"value": 1.0, "ceiling": None, "unit": "apples"}}},
        {"scores": {"a": {"value": "1", "ceiling": None, "unit": "ratio"}}},
        {"scores": {"a": {"value": float("nan"), "ceiling": None, "unit": "ratio"}}},
    ],
)
def test_bad_fields_are_refused_when_written_and_when_read(tmp_path, changed):
    with pytest.raises(InputError):
        write_run(tmp_path, run() | changed)
    (tmp_path / "scores.json").write_text(json.dumps(run() | changed))
    with pytest.raises(InputError) as caught:
        read_run(tmp_path)
    assert "\n" not in str(caught.value)

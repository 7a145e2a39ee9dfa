"""Runs joined by hand-computed numbers, what must not be mixed, and the README's tables."""

import json
import re

import pytest

from cal_jax import result_tables, results
from cal_jax.errors import InputError
from cal_jax.evaluation.run_record import read_run, score_fields, write_run
from cal_jax.evaluation.scores import Score

COMMAND = "python -m experiments.black_and_white --preset cpu"


def run(seed=0, digit=0.9, **changed):
    fields = {
        "experiment": "black_and_white",
        "preset": "cpu",
        "command": f"{COMMAND} --seed {seed}",
        "seed": seed,
        "device": "cpu",
        "versions": {"jax": "0.10.2"},
        "revision": "abc",
        "seconds": 60.0 + seed,
        "oracle": {"digest": "d1", "accuracy": {"digit": 0.956, "background": 1.0}},
        "data": {
            "name": "mnist",
            "fingerprint": "f1",
            "binarisation": "static",
            "image_size": 14,
        },
        "thesis": {},
        "scores": score_fields(
            {
                "conditional_digit": Score(digit, 0.95, "fraction"),
                "elbo_per_item": Score(-41.0 - seed, None, "nats per item"),
            }
        ),
    }
    return fields | changed


@pytest.fixture
def directory(tmp_path):
    def make(*runs):
        paths = [tmp_path / f"run{index}" for index in range(len(runs))]
        for path, fields in zip(paths, runs, strict=True):
            fields = dict(fields)
            config = fields.pop("config", {"model.norm": "batch"})
            write_run(path, fields)
            (path / "config.json").write_text(json.dumps({**config, "seed": fields["seed"]}))
        return paths

    return make


def test_a_variant_is_a_preset_of_its_own_and_takes_later_seeds(directory, tmp_path, capsys):
    first, second, other = directory(run(0), run(1), run(2, config={"model.norm": "layer"}))
    out = ["--out", str(tmp_path)]
    assert results.main(["gather", "--variant", "narrow", str(first), *out]) == 0
    path = tmp_path / "black_and_white-cpu-narrow.json"
    assert results.main(["gather", "--variant", "narrow", str(path), str(second), *out]) == 0
    joined = json.loads(path.read_text())
    assert (joined["preset"], joined["seeds"]) == ("cpu-narrow", [0, 1])
    assert results.main(["gather", "--variant", "narrow", str(path), str(other), *out]) == 2
    assert results.main(["gather", "--variant", "a/b", str(first), *out]) == 2
    errors = capsys.readouterr().err
    assert "differ in config" in errors
    assert "--variant 'a/b'; accepted: letters, digits and . - _" in errors


def test_runs_are_joined_in_order_of_seed(directory):
    joined = results.gather(directory(run(2, 0.8), run(0, 0.9), run(10, 0.94)))
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
    at_once = results.gather(runs)
    first = results.write(results.gather(runs[:2]), tmp_path / "results")
    assert results.gather([first, runs[2]]) == at_once
    with pytest.raises(InputError, match="same seed occurs twice"):
        results.gather([first, runs[0]])


def test_a_file_that_is_no_joined_result_is_refused_by_name(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"seeds": [0]}')
    with pytest.raises(InputError, match=r"other\.json is not a gathered result"):
        results.gather([path])


def test_what_the_thesis_says_is_a_column_and_an_oracle_may_be_missing(directory):
    thesis = {"elbo_per_item": "figure 4.3, no number"}
    joined = results.gather(directory(run(thesis=thesis, oracle=None)))
    header, _, digit, elbo = result_tables.table(joined).splitlines()
    assert header.endswith("| unit | thesis |")
    assert digit.endswith("| % |  |")
    assert elbo.endswith("| figure 4.3, no number |")
    assert "oracle" not in result_tables.caption(joined)


def test_the_published_file_is_named_by_experiment_and_preset(directory, tmp_path):
    joined = results.gather(directory(run()))
    path = results.write(joined, tmp_path / "results")
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
        results.gather(directory(run(0), run(1) | changed))
    assert "\n" not in str(caught.value)


def test_runs_of_two_machines_are_joined_and_both_are_named(directory):
    joined = results.gather(directory(run(0), run(1, device="H100"), run(2)))
    assert joined["devices"] == ["cpu", "H100", "cpu"]
    assert "minutes a seed on cpu and H100;" in result_tables.caption(joined)


def test_units_are_not_mixed(directory):
    other = run(1)
    other["scores"]["conditional_digit"]["unit"] = "ratio"
    with pytest.raises(InputError, match="conditional_digit"):
        results.gather(directory(run(0), other))


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


def test_the_table_has_mean_and_sample_deviation(directory):
    text = result_tables.table(results.gather(directory(run(0, 0.90), run(1, 0.92), run(2, 0.94))))
    assert text.splitlines() == [
        "| score | mean ± sd (3 seeds) | ceiling | unit |",
        "|---|---|---|---|",
        "| conditional_digit | 92.0 ± 2.0 | 95.0 | % |",
        "| elbo_per_item | -42.00 ± 1.00 |  | nats per item |",
    ]


def test_one_seed_has_no_deviation(directory):
    text = result_tables.table(results.gather(directory(run())))
    assert "value (1 seed)" in text
    assert "| conditional_digit | 90.0 | 95.0 | % |" in text


def test_the_caption_names_what_bounds_cannot_be_compared_without(directory):
    text = result_tables.caption(results.gather(directory(run())))
    assert "mnist 14 static" in text
    assert "digit 95.6 %" in text
    assert "1.0 minutes a seed on cpu" in text


@pytest.fixture
def readme(directory, tmp_path):
    results.write(results.gather(directory(run(0), run(1))), tmp_path / "results")
    path = tmp_path / "README.md"
    path.write_text(
        "before\n<!-- results:black_and_white-cpu -->\nold\n"
        "<!-- /results:black_and_white-cpu -->\nafter\n"
    )
    return path


def test_the_readme_is_rewritten_between_its_markers_only(readme):
    assert results.update_readme(readme, readme.parent / "results")
    text = readme.read_text()
    assert text.startswith("before\n<!-- results:black_and_white-cpu -->\n\n| score |")
    assert text.endswith("<!-- /results:black_and_white-cpu -->\nafter\n")
    assert "old" not in text
    assert not results.update_readme(readme, readme.parent / "results", check=True)


def test_presets_are_compared_in_one_table(directory, tmp_path):
    out = tmp_path / "results"
    for preset, digits in (("cpu", (0.9, 0.8)), ("cpu-basic", (0.7, 0.6))):
        command = f"{COMMAND} --set x=1 --seed"
        runs = [
            run(seed, digit, preset=preset, command=f"{command} {seed}")
            for seed, digit in enumerate(digits)
        ]
        results.write(results.gather(directory(*runs)), out)
    page = tmp_path / "page.md"
    names = "black_and_white-cpu black_and_white-cpu-basic"
    page.write_text(f"<!-- results:{names} -->\n<!-- /results:{names} -->\n")
    assert results.update_readme(page, out)
    header, _, digit, elbo = page.read_text().splitlines()[2:6]
    assert header == (
        "| score | cpu, mean ± sd (2 seeds) | cpu-basic, mean ± sd (2 seeds) | unit |"
    )
    assert digit == "| conditional_digit | 85.0 ± 7.1 | 65.0 ± 7.1 | % |"
    assert elbo.startswith("| elbo_per_item | -41.50 ± 0.71 | -41.50 ± 0.71 |")


def test_experiments_are_compared_by_name_in_the_rows_asked_for(directory, tmp_path):
    out = tmp_path / "results"
    for experiment in ("rotated", "black_and_white"):
        runs = [run(seed, experiment=experiment) for seed in (0, 1)]
        results.write(results.gather(directory(*runs)), out)
    page = tmp_path / "page.md"
    names = "rotated-cpu black_and_white-cpu | elbo_per_item"
    page.write_text(f"<!-- results:{names} -->\n<!-- /results:{names} -->\n")
    assert results.update_readme(page, out)
    header, _, elbo, blank = page.read_text().splitlines()[2:6]
    columns = [f"{name} cpu, mean ± sd (2 seeds)" for name in ("rotated", "black_and_white")]
    assert header == f"| score | {' | '.join(columns)} | unit |"
    assert elbo.startswith("| elbo_per_item | ") and not blank
    page.write_text(page.read_text().replace("| elbo_per_item -->", "| nmi -->"))
    with pytest.raises(InputError, match="'nmi'"):
        results.update_readme(page, out)


def test_a_score_that_another_experiment_lacks_leaves_its_cell_empty(directory, tmp_path):
    lacking = score_fields({"conditional_digit": Score(0.9, None, "fraction")})
    out = tmp_path / "results"
    for fields in (run(), run(experiment="rotated", scores=lacking)):
        results.write(results.gather(directory(fields)), out)
    page = tmp_path / "page.md"
    names = "black_and_white-cpu rotated-cpu | elbo_per_item conditional_digit"
    page.write_text(f"<!-- results:{names} -->\n<!-- /results:{names} -->\n")
    assert results.update_readme(page, out)
    assert page.read_text().splitlines()[4:6] == [
        "| elbo_per_item | -41.00 |  | nats per item |",
        "| conditional_digit | 90.0 | 90.0 | % |",
    ]


def test_check_fails_on_an_outdated_readme_and_leaves_it(readme):
    before = readme.read_text()
    with pytest.raises(InputError, match="out of date"):
        results.update_readme(readme, readme.parent / "results", check=True)
    assert readme.read_text() == before


@pytest.mark.parametrize(
    "text",
    [
        "no markers",
        "<!-- results:black_and_white-cpu -->\nnever closed",
        "<!-- results:black_and_white-cpu -->\n<!-- /results:other -->\n",
        "<!-- results:absent-cpu -->\n<!-- /results:absent-cpu -->\n",
    ],
)
def test_bad_markers_are_refused(readme, text):
    readme.write_text(text)
    with pytest.raises(InputError):
        results.update_readme(readme, readme.parent / "results")
    assert readme.read_text() == text


def test_a_result_that_was_not_gathered_is_refused(readme):
    (readme.parent / "results" / "black_and_white-cpu.json").write_text('{"seeds": []}')
    with pytest.raises(InputError, match="not a gathered result"):
        results.update_readme(readme, readme.parent / "results")


def test_the_command_line(directory, readme, capsys):
    out = readme.parent / "published"
    paths = [str(path) for path in directory(run(0), run(1))]
    assert results.main(["gather", *paths, "--out", str(out)]) == 0
    assert (out / "black_and_white-cpu.json").exists()
    where = ["--readme", str(readme), "--results", str(out)]
    assert results.main(["readme", "--check", *where]) == 2
    assert results.main(["readme", *where]) == 0
    assert results.main(["readme", "--check", *where]) == 0
    assert results.main(["gather", "absent"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all(re.match("error: ", line) for line in errors)

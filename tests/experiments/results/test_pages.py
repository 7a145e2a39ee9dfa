"""Pages that show joined results, and the command that writes them."""

import re

import pytest

from cal_jax.errors import InputError
from cal_jax.metrics.scores import Score
from experiments.results.__main__ import main
from experiments.results.gather import gather, write
from experiments.results.pages import update_page
from experiments.results.record import score_fields
from tests.experiments.results.runs import COMMAND, run


@pytest.fixture
def readme(directory, tmp_path):
    write(gather(directory(run(0), run(1))), tmp_path / "results")
    path = tmp_path / "README.md"
    path.write_text(
        "before\n<!-- results:black_and_white-cpu -->\nold\n"
        "<!-- /results:black_and_white-cpu -->\nafter\n"
    )
    return path


def test_the_readme_is_rewritten_between_its_markers_only(readme):
    assert update_page(readme, readme.parent / "results")
    text = readme.read_text()
    assert text.startswith("before\n<!-- results:black_and_white-cpu -->\n\n| score |")
    assert text.endswith("<!-- /results:black_and_white-cpu -->\nafter\n")
    assert "old" not in text
    assert not update_page(readme, readme.parent / "results", check=True)


def test_presets_are_compared_in_one_table(directory, tmp_path):
    out = tmp_path / "results"
    for preset, digits in (("cpu", (0.9, 0.8)), ("cpu-basic", (0.7, 0.6))):
        command = f"{COMMAND} --x 1 --seed"
        runs = [
            run(seed, digit, preset=preset, command=f"{command} {seed}")
            for seed, digit in enumerate(digits)
        ]
        write(gather(directory(*runs)), out)
    page = tmp_path / "page.md"
    names = "black_and_white-cpu black_and_white-cpu-basic"
    page.write_text(f"<!-- results:{names} -->\n<!-- /results:{names} -->\n")
    assert update_page(page, out)
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
        write(gather(directory(*runs)), out)
    page = tmp_path / "page.md"
    names = "rotated-cpu black_and_white-cpu | elbo_per_item"
    page.write_text(f"<!-- results:{names} -->\n<!-- /results:{names} -->\n")
    assert update_page(page, out)
    header, _, elbo, blank = page.read_text().splitlines()[2:6]
    columns = [f"{name} cpu, mean ± sd (2 seeds)" for name in ("rotated", "black_and_white")]
    assert header == f"| score | {' | '.join(columns)} | unit |"
    assert elbo.startswith("| elbo_per_item | ") and not blank
    page.write_text(page.read_text().replace("| elbo_per_item -->", "| nmi -->"))
    with pytest.raises(InputError, match="'nmi'"):
        update_page(page, out)


def test_a_score_that_another_experiment_lacks_leaves_its_cell_empty(directory, tmp_path):
    lacking = score_fields({"conditional_digit": Score(0.9, None, "fraction")})
    out = tmp_path / "results"
    for fields in (run(), run(experiment="rotated", scores=lacking)):
        write(gather(directory(fields)), out)
    page = tmp_path / "page.md"
    names = "black_and_white-cpu rotated-cpu | elbo_per_item conditional_digit"
    page.write_text(f"<!-- results:{names} -->\n<!-- /results:{names} -->\n")
    assert update_page(page, out)
    assert page.read_text().splitlines()[4:6] == [
        "| elbo_per_item | -41.00 |  | nats per item |",
        "| conditional_digit | 90.0 | 90.0 | % |",
    ]


def test_a_table_of_methods_by_measures(directory, tmp_path):
    out, page = tmp_path / "results", tmp_path / "page.md"
    runs = []
    for seed in (0, 1):
        values = {"ridge_ssim_1": 0.5 + seed / 10, "ridge_ssim_2": 0.75, "copy_ssim_1": 0.25}
        values["copy_ssim_2"] = 0.375
        scores = {name: Score(value, None, "ratio") for name, value in values.items()}
        command = f"{COMMAND} --seed {seed}"
        runs.append(run(seed, scores=score_fields(scores), command=command))
    write(gather(directory(*runs)), out)
    names = "black_and_white-cpu | copy ridge | ssim_2 ssim_1"
    page.write_text(f"<!-- results:{names} -->\n<!-- /results:{names} -->\n")
    assert update_page(page, out)
    head, _, copied, ridge, blank, caption = page.read_text().splitlines()[2:8]
    assert head == "| mean ± sd (2 seeds) | ssim_2 | ssim_1 |"
    assert copied == "| copy | 0.375 ± 0.000 | 0.250 ± 0.000 |"
    assert ridge == "| ridge | 0.750 ± 0.000 | 0.550 ± 0.071 |"
    assert not blank and caption.startswith(f"`{COMMAND}")
    page.write_text(page.read_text().replace("| copy ridge |", "| copy mean |"))
    with pytest.raises(InputError, match="'mean_ssim_2'"):
        update_page(page, out)


def test_check_fails_on_an_outdated_readme_and_leaves_it(readme):
    before = readme.read_text()
    with pytest.raises(InputError, match="out of date"):
        update_page(readme, readme.parent / "results", check=True)
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
        update_page(readme, readme.parent / "results")
    assert readme.read_text() == text


def test_a_result_that_was_not_gathered_is_refused(readme):
    (readme.parent / "results" / "black_and_white-cpu.json").write_text('{"seeds": []}')
    with pytest.raises(InputError, match="not a gathered result"):
        update_page(readme, readme.parent / "results")


def test_the_command_line(directory, readme, capsys):
    out = readme.parent / "published"
    paths = [str(path) for path in directory(run(0), run(1))]
    assert main(["gather", *paths, "--out", str(out)]) == 0
    assert (out / "black_and_white-cpu.json").exists()
    where = ["--readme", str(readme), "--results", str(out)]
    assert main(["readme", "--check", *where]) == 2
    assert main(["readme", *where]) == 0
    assert main(["readme", "--check", *where]) == 0
    assert main(["gather", "absent"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all(re.match("error: ", line) for line in errors)

"""The experiment at its smoke preset, as its users run it; and what it says of bad input."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.black_and_white import PRESETS, main
from experiments.results.record import read_run
from tests.stderr import said

ROOT = Path(__file__).parents[2]
SCORES = {
    f"{score}_{factor}"
    for score in (
        "conditional",
        "unconditional",
        "all_constant",
        "diversity",
        "neither_diversity",
    )
    for factor in ("digit", "background")
} | {"synthesis_joint", "neither_mutual_information"}
SCORES |= {f"{name}_means" for name in SCORES}
NO_CEILING = {f"{s}_{f}" for s in ("informativeness", "mismatch") for f in ("digit", "background")}
NO_CEILING |= {"leakage_background_in_digit", "leakage_digit_in_background"}
NO_CEILING |= {"elbo_per_item", "log_evidence_per_item"}


@pytest.fixture(name="smoke", scope="module")
def smoke_run(tmp_path_factory):
    """The folder of a finished smoke run."""
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    assert main(["--preset", "smoke", "--run-dir", str(folder), "--devices", "1"]) == 0
    return folder


def test_a_run_leaves_scores_metrics_config_figures_and_one_page(smoke):
    run = read_run(smoke)
    assert set(run["scores"]) == SCORES | NO_CEILING
    for name, score in run["scores"].items():
        assert (score["ceiling"] is None) == (name in NO_CEILING)
        if score["unit"] == "fraction" and name not in NO_CEILING:
            assert 0 <= score["value"] <= 1
            assert 0 <= score["ceiling"] <= 1
    assert run["scores"]["elbo_per_item"]["value"] > run["details"]["untrained_elbo_per_item"]
    assert run["command"] == "python -m experiments.black_and_white --preset smoke --seed 0"
    assert len(run["oracle"]["digest"]) == 64
    bound = run["details"]["bound_per_item"]
    kls = bound["kl_latent"] + sum(bound["kl_varying"]) + sum(bound["kl_constant"])
    assert bound["elbo"] == pytest.approx(bound["reconstruction"] - kls, rel=1e-4)
    metrics = [json.loads(line) for line in (smoke / "metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in metrics] == [20, 40]
    config = json.loads((smoke / "config.json").read_text())
    assert config["training.steps"] == 40
    page = (smoke / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert "http" not in page.partition("<body>")[2].replace("http://www.w3.org", "")


def test_a_finished_run_is_evaluated_again_to_the_same_scores(smoke, capsys):
    before = read_run(smoke)["scores"]
    (smoke / "scores.json").unlink()
    assert main(["--preset", "smoke", "--run-dir", str(smoke), "--devices", "1"]) == 0
    assert read_run(smoke)["scores"] == before
    out = capsys.readouterr().out
    assert "conditional_digit" in out
    assert "untrained" in out
    assert str(smoke / "report.html") in out


def test_held_back_images_give_another_run_and_say_so(tmp_path, capsys):
    arguments = ["--run-dir", str(tmp_path / "run"), "--held-back", "400", "--devices", "1"]
    assert main([*arguments, "--training.steps", "20", "--test-sets", "10"]) == 0
    run = read_run(tmp_path / "run")
    assert run["data"]["evaluated_on"] == "held-back training images"
    assert "--held-back 400 --training.steps 20" in run["command"]
    assert "held-back training images" in capsys.readouterr().out


def truncated_mnist(folder):
    """Four files of MNIST's names, the first cut short."""
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        dims = 3 if "images" in name else 1
        header = bytes([0, 0, 8, dims]) + (60).to_bytes(4, "big")
        body = header + b"".join((28).to_bytes(4, "big") for _ in range(dims - 1))
        (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(body + bytes(100)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data-dir", "nowhere"], "nowhere"),
        (["--data-dir", "{short}"], "train-images-idx3-ubyte.gz"),
        (["--preset", "huge"], "accepted are smoke, "),
        (["--set-size", "0"], "set_size must be at least 2"),
        (
            ["--model.contexts.1.name", "colour"],
            "model.contexts must be digit, background: got digit, colour",
        ),
        (["--model.encoder.width", "0"], "width must be at least 1"),
        (["--binarisation", "grey"], "binarisation must be one of"),
        (
            ["--model.hidden.norm", "group"],
            "--model.hidden.norm group; accepted: batch, layer, weight, none",
        ),
        (["--devices", "9"], "--devices 9"),
        (["--seed", "-1"], "--seed -1"),
        (["--held-back", "5000"], "5000 images to hold back; accepted: 1 to 1396"),
        (["--run-dir", "{file}"], "cannot be written"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, words, tmp_path, capsys):
    truncated_mnist(tmp_path)
    (tmp_path / "file").touch()
    arguments = [a.format(short=tmp_path, file=tmp_path / "file") for a in arguments]
    if "--run-dir" not in arguments:
        arguments += ["--run-dir", str(tmp_path / "run")]
    assert main(arguments) == 2
    error = said(capsys)
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert words in error


def program(*arguments):
    return [sys.executable, "-m", "experiments.black_and_white", *arguments]


def test_the_program_exits_with_2_and_no_traceback():
    result = subprocess.run(
        program("--preset", "huge"), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_help_names_every_preset_and_flag():
    result = subprocess.run(program("--help"), capture_output=True, text=True, cwd=ROOT, check=True)
    for name, config in PRESETS.items():
        assert f"{name:8} {config.summary}" in result.stdout
    for flag in ("--data-dir", "--run-dir", "--held-back", "--training.steps", "--from-scratch"):
        assert flag in result.stdout


def test_sigterm_while_it_starts_ends_with_143_and_a_checkpoint_to_resume_from(tmp_path):
    arguments = program(
        "--run-dir", str(tmp_path / "run"), "--training.chunk-steps", "1", "--devices", "1"
    )
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    for _ in range(600):  # the folder appears before the first compilation
        if (tmp_path / "run" / "config.json").exists():
            break
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 143, error
    assert "stopped at step 1; the same command resumes" in error
    assert os.listdir(tmp_path / "run" / "checkpoints") == ["step_00000001"]

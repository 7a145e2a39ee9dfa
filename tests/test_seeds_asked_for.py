"""--seeds on the command line: one request, one folder and one command for each seed."""

from dataclasses import dataclass

import pytest

from cal_jax.cli import program
from cal_jax.io.run_folder import RunFolder
from experiments.common.run import open_runs, open_within


@dataclass(frozen=True)
class Config:
    """Of an experiment without fields."""

    summary: str = "for tests"


def asked(*arguments):
    return program.request("experiments.some", "For tests.", {"smoke": Config()}, arguments)


def test_each_seed_is_asked_for_as_if_alone():
    request = asked("--seed", "3", "--seeds", "3", "--held-back", "10")
    seeds = program.each_seed(request)
    assert [one.seed for one in seeds] == [3, 4, 5]
    for one in seeds:
        alone = asked("--seed", str(one.seed), "--held-back", "10")
        assert one == alone
    assert program.each_seed(asked()) == [asked()]


def test_each_seed_has_a_folder_of_its_own_and_holds_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_runs(asked("--seeds", "2"), "some", "digits") as runs:
        names = [run.folder.path.relative_to(tmp_path).as_posix() for run in runs]
        assert names == ["runs/some-smoke-digits-seed0", "runs/some-smoke-digits-seed1"]
        with pytest.raises(ValueError, match="in use"):
            RunFolder.create_or_open(runs[1].folder.path)
        with open_within(runs, "part") as parts:
            assert parts[1].folder.path == runs[1].folder.path / "part"
            assert parts[1].request == runs[1].request
    RunFolder.create_or_open(runs[1].folder.path).release()
    with open_runs(asked("--seed", "7", "--seeds", "2", "--run-dir", "r"), "some") as runs:
        assert [run.folder.path for run in runs] == [tmp_path / "r/seed7", tmp_path / "r/seed8"]
    with open_runs(asked("--run-dir", "one"), "some") as [run]:
        assert run.folder.path == tmp_path / "one"


@pytest.mark.parametrize(
    "arguments", [("--seeds", "0"), ("--seed", str(2**32 - 1), "--seeds", "2")]
)
def test_a_bad_number_of_seeds_is_named(arguments):
    with pytest.raises(ValueError, match=r"--seeds \d: accepted are 1 and above"):
        asked(*arguments)

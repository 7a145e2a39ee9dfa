"""The launch files: what they would run, the programs' own parsers accept.

No cluster is here: the shell parts run with stand-ins for ``srun``, ``scontrol`` and Python.
"""

import os
import re
import subprocess
from dataclasses import astuple
from pathlib import Path

import pytest
import yaml

from cal_jax.cli import program
from cal_jax.cli.processes import Distributed
from experiments import black_and_white
from launch import ray_train

LAUNCH = Path(__file__).parent.parent / "launch"
MODULE = "experiments.black_and_white"


@pytest.fixture(name="parsed")
def parser_of_the_experiment(monkeypatch):
    """What the real program makes of its arguments, nothing run."""
    requests = []

    def keep(parse, run):
        requests.append(parse())
        return 0

    monkeypatch.setattr(program, "run_experiment", keep)

    def parsed(arguments):
        assert black_and_white.main(arguments) == 0
        return requests.pop()

    return parsed


def stand_in(path, code=0):
    """A program that keeps its arguments beside itself, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {path}.got\nexit {code}\n')
    path.chmod(0o755)
    return path.with_name(f"{path.name}.got")


def after_module(words):
    """The arguments of the experiment in a command line."""
    assert words[words.index(MODULE) - 1] == "-m"
    return words[words.index(MODULE) + 1 :]


@pytest.mark.parametrize(("code", "queued_again"), [(0, False), (143, True), (1, False)])
def test_slurm_runs_the_experiment_and_queues_a_stopped_job_again(
    tmp_path, parsed, code, queued_again
):
    got, requeued = stand_in(tmp_path / "srun", code), stand_in(tmp_path / "scontrol")
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "77"}
    command = ["bash", LAUNCH / "slurm.sbatch", "--seed", "3", "--training.steps", "5"]
    assert subprocess.run(command, env=environment, check=False).returncode == code
    request = parsed(after_module(got.read_text().splitlines()))
    assert request.distributed == Distributed("auto")
    assert (request.preset, request.seed, request.config.training.steps) == ("thesis", 3, 5)
    assert requeued.exists() == queued_again
    assert not queued_again or requeued.read_text() == "requeue\n77\n"


def test_slurm_has_a_task_for_each_gpu_and_is_told_before_its_time_is_up():
    options = dict(
        re.findall(r"^#SBATCH --([\w-]+)(?:=(\S+))?$", (LAUNCH / "slurm.sbatch").read_text(), re.M)
    )
    assert options["ntasks-per-node"] == options["gpus-per-node"]
    assert options["signal"].startswith("TERM@")
    assert "requeue" in options


def test_the_jobset_s_pods_find_one_another(parsed):
    jobset = yaml.safe_load((LAUNCH / "jobset.yaml").read_text())
    assert (jobset["apiVersion"], jobset["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    (replicated,) = jobset["spec"]["replicatedJobs"]
    job = replicated["template"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["python", "-m", MODULE]
    arguments = [word.replace("$(JOB_COMPLETION_INDEX)", "1") for word in container["args"]]
    mode, coordinator, processes, process_id, _ = astuple(parsed(arguments).distributed)
    host, _, port = coordinator.partition(":")
    name = jobset["metadata"]["name"]
    assert host == f"{name}-{replicated['name']}-0-0.{name}"
    assert int(port) == container["ports"][0]["containerPort"]
    assert (mode, process_id, replicated["replicas"]) == ("manual", 1, 1)
    assert processes == job["parallelism"] == job["completions"]
    assert (job["completionMode"], job["backoffLimit"]) == ("Indexed", 0)
    assert pod["restartPolicy"] == "Never"
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }


def test_skypilot_s_first_node_is_where_process_0_listens(tmp_path, parsed):
    task = yaml.safe_load((LAUNCH / "skypilot.yaml").read_text())
    assert set(task) == {"name", "num_nodes", "resources", "workdir", "setup", "run"}
    subprocess.run(["bash", "-n", "-c", task["setup"]], check=True)
    got = stand_in(tmp_path / ".venv" / "bin" / "python")
    given = {
        "SKYPILOT_NODE_IPS": "10.0.0.7\n10.0.0.8",
        "SKYPILOT_NUM_NODES": str(task["num_nodes"]),
        "SKYPILOT_NODE_RANK": "1",
    }
    command = ["bash", "-euc", task["run"]]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, **given}, check=True)
    request = parsed(after_module(got.read_text().splitlines()))
    assert request.distributed == Distributed("manual", "10.0.0.7:12321", 2, 1)


def test_ray_s_workers_run_the_experiment(parsed):
    flags, arguments = ray_train.parse(["--workers", "4", "--gpu", "--", "--seed", "2"])
    assert (flags.workers, flags.gpu) == (4, True)
    assert ray_train.EXPERIMENT == MODULE
    request = parsed(arguments)
    assert (request.seed, request.distributed) == (2, Distributed("auto"))
    ray_train.train({"experiment": MODULE, "arguments": arguments})
    with pytest.raises(RuntimeError, match="exit code 2"):
        ray_train.train({"experiment": "tests.test_launch", "arguments": []})


def main(arguments):
    """A program that refuses its input."""
    return 2


@pytest.mark.parametrize("name", sorted(path.name for path in LAUNCH.glob("[!_]*.*")))
def test_every_file_says_how_it_is_used(name):
    head = (LAUNCH / name).read_text()[:800]
    assert f"launch/{name}" in head or "launch.ray_train" in head

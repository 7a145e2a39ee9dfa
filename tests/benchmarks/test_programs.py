"""Each program runs for real at smoke size."""

import argparse
import importlib
import json
import time
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import (
    accelerator,
    adam_alone,
    chunk_form,
    end_to_end,
    profile,
    scaling,
    step,
    versus_pytorch,
)
from benchmarks.agreement import require_agreement
from benchmarks.host_devices import devices_of
from benchmarks.phases import Phases
from benchmarks.training import Training
from benchmarks.workloads import workload
from cal_jax.errors import InputError
from cal_jax.training.parallel import parallel_chunk


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Runs a program at smoke size where it cannot write results, and reads its record."""
    monkeypatch.chdir(tmp_path)

    def run(program, *words):
        out = tmp_path / "record.json"
        assert program.main([*words, "--size", "smoke", "--out", str(out)]) == 0
        return json.loads(out.read_text())

    return run


def test_a_step_is_measured_against_plain_flax_and_the_ceiling(measured):
    record = measured(step, "--model", "vae", "--repeats", "2", "--steps", "2")
    times = record["milliseconds_per_step"]
    assert times["cal_jax"]["repeats"] == times["plain_flax"]["repeats"] == 2
    assert max(record["parity"].values()) < 1e-4
    # One product a layer forward and two backward, but one in the first layer.
    layers = ((36, 8), (8, 5), (5, 4), (2, 5), (5, 8), (8, 36))
    products = 2 * 4 * (3 * sum(a * b for a, b in layers) - 36 * 8)
    assert products < record["model_gflop_per_step"] * 1e9 < 3 * products
    assert record["compile_seconds"]["cold"] > 0
    assert 0 < record["vae_share_of_ceiling"] < 1
    assert record["program"]["peak_bytes"] > 0


@pytest.mark.parametrize(("model", "devices"), [("vae", 1), ("context_aware", 2)])
def test_a_model_is_timed_on_the_host_devices_that_train_it_quickest(model, devices):
    flags = types.SimpleNamespace(host_devices=None, model=model)
    assert len(devices_of(flags)) == devices
    assert len(devices_of(types.SimpleNamespace(host_devices=1, model=model))) == 1


def test_forms_that_do_not_agree_are_not_timed():
    expected = {"loss": 2.0, "gradient_norm": 10.0}
    close = {"loss": 2.0001, "gradient_norm": 10.005}
    found = require_agreement("a form", close, expected)
    assert found == pytest.approx({"loss": 5e-5, "gradient_norm": 5e-4})
    for name, value in (("loss", 2.001), ("gradient_norm", 10.1), ("loss", np.nan)):
        with pytest.raises(InputError, match=f"a form: {name} differs by"):
            require_agreement("a form", {**expected, name: value}, expected)


@pytest.mark.parametrize(("axis", "name"), [("samples", "vae"), ("seeds", "vae-seeds")])
def test_an_axis_is_scaled_and_fitted(measured, monkeypatch, axis, name):
    monkeypatch.setitem(scaling.FACTORS, axis, (1, 2))
    record = measured(scaling, "--model", "vae", "--axes", axis, "--repeats", "2", "--steps", "1")
    assert record["benchmark"] == f"scaling-{name}"
    found = record["axes"][axis]
    assert list(found["milliseconds_per_step"]) == ["1", "2"]
    assert found["standard_error"] > 0


def test_processes_take_steps_in_turn_until_their_input_ends(capsys, monkeypatch):
    from benchmarks import process_worker

    monkeypatch.setattr("sys.stdin", ["\n", "\n"])
    process_worker.main("vae", "smoke", "2", "1", "2", "localhost:1", "1", "0")
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [word for word, _ in words] == ["milliseconds"] * 2
    assert process_worker.work_of("vae", "smoke", 2).shape.batch_size == 8


def test_an_accelerator_s_share_is_measured_with_float32_parameters(measured):
    record = measured(
        accelerator,
        "--model=vae",
        "--precisions=bfloat16",
        "--batches=1",
        "--repeats=1",
        "--steps=1",
        "--peak-tflops=2",
        "--price-per-hour=3",
    )
    found = record["precisions"]["bfloat16"]
    (batch,) = found["batches"]
    ms = batch["milliseconds_per_step"]["median"]
    assert found["mfu"] == pytest.approx(batch["gflop_per_step"] / ms / 2, rel=1e-3)
    assert found["thesis_cost"] == pytest.approx(3 * 62_500 * ms / 3.6e6, rel=1e-3)


def test_a_sweep_that_is_stopped_keeps_what_it_has_measured(tmp_path, monkeypatch):
    def stopped_at_16(flags, precision, batch_size, *rest):
        if batch_size == 16:
            raise KeyboardInterrupt
        return timed(flags, precision, batch_size, *rest)

    timed = accelerator.timed
    monkeypatch.setattr(accelerator, "timed", stopped_at_16)
    out = tmp_path / "record.json"
    words = "--model=vae --size=smoke --precisions=float32 --batches=4 --repeats=1 --steps=1"
    # So quick a step may be saturated by any batch.
    monkeypatch.setattr(accelerator, "SATURATED", 0)
    with pytest.raises(KeyboardInterrupt):
        accelerator.main([*words.split(), f"--out={out}"])
    found = json.loads(out.read_text())["precisions"]["float32"]
    assert [batch["batch_size"] for batch in found["batches"]] == [4, 8]
    assert found["ended"] == "stopped"


@pytest.mark.parametrize(
    ("steps", "batch_size", "expected"), [(50, 4, 50), (50, 16, 12), (50, 64, 5), (2, 64, 2)]
)
def test_a_larger_batch_takes_fewer_steps_in_a_chunk(steps, batch_size, expected):
    flags = argparse.Namespace(model="vae", size="smoke", steps=steps)
    assert accelerator.steps_of_chunk(flags, batch_size) == expected


def test_bfloat16_computes_the_bound_and_keeps_parameters_and_gradients_in_float32():
    from benchmarks.training import step_config
    from benchmarks.workloads import workload
    from cal_jax.axes import DEVICE
    from cal_jax.inference.mapping import dataset_keys

    work = workload("vae", "smoke")
    variables = work.init(work.model)
    keys = dataset_keys(jax.random.key(0), 0, 4, 1)

    def loss(params, dtype):
        mapped = step_config(work, work.model, dtype).mapped
        batched = jax.vmap(
            lambda x: mapped({**variables, "params": params}, keys, x), axis_name=DEVICE
        )
        return -batched(jnp.asarray(work.data[0][None, :4]))[0].elbo.mean()

    text = jax.jit(loss, static_argnums=1).lower(variables["params"], jnp.bfloat16).as_text()
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert products and all("bf16" in line for line in products)
    gradients = jax.eval_shape(lambda p: jax.grad(loss)(p, jnp.bfloat16), variables["params"])
    assert {leaf.dtype for leaf in jax.tree.leaves(gradients)} == {np.dtype("float32")}


def test_a_profile_names_the_layers(measured):
    record = measured(profile, "--model", "vae", "--steps", "1", "--rows", "200")
    layers = {row["layer"] for row in record["operations"]}
    assert {"encoder/Dense_0", "decoder/hidden/Dense_1", "decoder/output"} <= layers
    assert {"forward", "backward"} <= {row["direction"] for row in record["operations"]}
    assert sum(row["share"] for row in record["operations"]) == pytest.approx(1, abs=0.01)
    kinds = record["kinds"]
    assert sum(kinds.values()) == pytest.approx(record["thread_milliseconds_per_step"], rel=1e-3)
    assert kinds["products"] > 0 and kinds["convolutions"] == 0
    assert (record["benchmark"], record["batch_size"]) == ("profile-vae", 4)


def test_a_profile_of_another_batch_is_another_record(measured):
    record = measured(profile, "--model", "vae", "--steps", "1", "--batch-size", "2")
    assert (record["benchmark"], record["batch_size"]) == ("profile-vae-batch_2", 2)


@pytest.mark.parametrize("model", ["vae", "context_aware"])
def test_pytorch_s_step_is_divided_into_the_same_kinds(measured, model):
    pytest.importorskip("torch")
    record = measured(profile, "--model", model, "--form", "pytorch", "--steps", "2")
    kinds = record["kinds"]
    assert sum(kinds.values()) == pytest.approx(record["thread_milliseconds_per_step"], rel=1e-3)
    assert kinds["products"] > 0 and kinds["normalisation and activations"] > 0
    assert (kinds["convolutions"] > 0) == (model == "context_aware")
    assert record["benchmark"] == f"profile-{model}-pytorch"


def test_both_forms_of_a_chunk_are_timed(measured):
    record = measured(chunk_form, "--model", "vae", "--repeats", "1", "--steps", "2")
    times = {form: value["median"] for form, value in record["milliseconds_per_step"].items()}
    assert record["scan_vs_calls"] == pytest.approx(times["scan"] / times["calls"], rel=1e-3)


def test_an_experiment_s_time_is_divided(measured, monkeypatch):
    experiment = types.ModuleType("experiment")
    experiment.load_for_evaluation = lambda: time.sleep(0.01)
    experiment.evaluate = lambda: time.sleep(0.02)
    experiment.main = lambda words: experiment.load_for_evaluation() or experiment.evaluate() or 0
    monkeypatch.setattr(end_to_end.importlib, "import_module", lambda _: experiment)
    record = measured(end_to_end, "--experiment", "synthetic_sets")
    seconds = record["phase_seconds"]
    assert set(seconds) == {"compile", "other", "data", "evaluation"}
    assert seconds["data"] >= 0.01 and seconds["evaluation"] >= 0.02
    assert sum(seconds.values()) == pytest.approx(record["wall_seconds"], rel=0.05)
    assert record["host_share_between_chunks"] is None


@pytest.mark.parametrize("name", end_to_end.EXPERIMENTS)
def test_every_phase_of_an_experiment_is_timed_and_its_functions_put_back(name):
    experiment = importlib.import_module(f"experiments.{name}")
    phases, timed = Phases(lambda: 0.0), set()

    def wrap(phase, function):
        timed.add(phase)
        return function

    phases.wrap = wrap
    before = dict(vars(experiment))
    with end_to_end.timed_functions(experiment, phases):
        assert timed == {"data", "training", "evaluation", "figures"}
    assert dict(vars(experiment)) == before


def test_without_pytorch_a_race_is_refused_in_one_line(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert versus_pytorch.main(["--model", "vae"]) == 2
    expected = "error: torch: not installed; accepted: the extra cal-jax[benchmarks]\n"
    assert capsys.readouterr().err == expected


def test_a_race_checks_the_parity_and_ends_with_its_ratio(measured, capsys):
    pytest.importorskip("torch")
    record = measured(
        versus_pytorch, "--model=statistician", "--repeats=2", "--steps=1", "--no-compile"
    )
    assert max(record["parity"]["eager"].values()) < 1e-4
    assert record["milliseconds_per_step"]["channels_last"] is None
    assert record["not_run"]["compile"] == "--no-compile"
    adam = record["adam_milliseconds"]
    assert {name: time["repeats"] for name, time in adam.items()} == {"cal_jax": 2, "pytorch": 2}
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"statistician_vs_pytorch {record['statistician_vs_pytorch']:.3f}"


def test_adam_alone_moves_parameters_and_nothing_else(monkeypatch):
    training = Training(workload("vae", "smoke"), workload("vae", "smoke").model)
    moved = []

    def chunk_of(step, devices, form):
        chunk = parallel_chunk(step, devices, form)

        def watched(*inputs):
            before = jax.device_get(inputs[0])
            state, read = chunk(*inputs)
            moved.append((before, jax.device_get(state)))
            return state, read

        return watched

    monkeypatch.setattr(adam_alone, "parallel_chunk", chunk_of)
    assert adam_alone.adam_timer(training, jax.devices()[:1], 3)() > 0
    expected = 3 * training.workload.learning_rate
    for before, after in moved:
        assert int(after.opt_state[0].count[0] - before.opt_state[0].count[0]) == 3
        for old, new in zip(*map(jax.tree.leaves, (before.params, after.params)), strict=True):
            np.testing.assert_allclose(old - new, expected, rtol=1e-2)
        np.testing.assert_array_equal(before.step, after.step)
    assert len(moved) == 2


def test_a_twin_with_another_loss_is_not_raced(capsys, monkeypatch):
    pytest.importorskip("torch")
    from benchmarks.twins.racers import Racer

    other = {"loss": 1e3, "gradient_norm": 1.0}
    monkeypatch.setattr(Racer, "first_metrics", lambda *_: other)
    assert versus_pytorch.main(["--model=vae", "--size=smoke", "--no-compile"]) == 2
    assert "PyTorch (eager): loss differs by" in capsys.readouterr().err


def test_a_race_where_pytorch_lacks_the_accelerator_is_refused_in_one_line(capsys, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert versus_pytorch.main(["--model=vae", "--size=smoke", "--no-compile"]) == 2
    assert "error: JAX runs on tpu, where this PyTorch" in capsys.readouterr().err

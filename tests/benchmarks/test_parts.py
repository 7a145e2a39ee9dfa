"""The parts that measure nothing by themselves: records, fits, phases, traces, compile time."""

import json
import threading

import numpy as np
import pytest

from benchmarks import peaks, record, trace
from benchmarks.ceiling import roofline
from benchmarks.chunk_gaps import ChunkGaps
from benchmarks.compilation import CompileTime
from benchmarks.fit import fit_exponent
from benchmarks.kinds import KINDS, by_kind, kind_of_aten, kind_of_place
from benchmarks.phases import Phases
from benchmarks.timing import interleaved, median_ratio
from cal_jax.errors import InputError


def parser():
    flags = record.parser("benchmarks.example", None)
    flags.add_argument("--model", required=True)
    flags.add_argument("--axes", nargs="+")
    flags.add_argument("--quick", action="store_true")
    return flags


def test_a_record_has_its_command_without_paths_and_goes_whole_to_its_file(tmp_path, capsys):
    out = tmp_path / "record.json"
    words = ["--model", "vae", "--axes", "a", "b", "--quick", "--out", str(out)]
    measured = record.Measured("example-vae", {"number": 1 / 3}, "number 0.333")
    assert record.run(parser(), words, lambda _: measured) == 0
    written = json.loads(out.read_text())
    assert written["command"] == "python -m benchmarks.example --model vae --axes a b --quick"
    assert written["number"] == 0.33333
    assert {"device", "versions", "revision", "seconds"} <= set(written)
    printed = capsys.readouterr().out
    assert json.loads(printed.removesuffix("number 0.333\n")) == written
    assert str(tmp_path) not in printed


def test_a_smoke_run_is_not_published_unless_asked():
    assert record.default_path("step-vae", "smoke") is None
    assert str(record.default_path("step-vae", "thesis")) == "results/benchmark-step-vae.json"


def test_bad_input_is_one_line(capsys):
    def measure(flags):
        record.require_at_least(flags, repeats=1)

    flags = parser()
    flags.add_argument("--repeats", type=int)
    assert record.run(flags, ["--model", "vae", "--repeats", "0"], measure) == 2
    assert capsys.readouterr().err == "error: --repeats 0; accepted: 1 or more\n"


def test_a_power_law_is_found_and_its_error_is_that_of_least_squares():
    sizes = np.array([1.0, 2.0, 4.0, 8.0])
    exact = fit_exponent(sizes, 3.0 * sizes**1.5)
    assert exact.value == pytest.approx(1.5)
    assert exact.standard_error == pytest.approx(0.0, abs=1e-12)
    noise = np.array([1.1, 0.9, 1.05, 1.0])
    coefficients, covariance = np.polyfit(np.log(sizes), np.log(sizes * noise), 1, cov=True)
    found = fit_exponent(sizes, sizes * noise)
    assert found.value == pytest.approx(coefficients[0])
    assert found.standard_error == pytest.approx(np.sqrt(covariance[0, 0]))
    assert fit_exponent([1, 2], [1, 4]).standard_error is None
    with pytest.raises(InputError, match="two different"):
        fit_exponent([2, 2], [1, 4])


def test_time_is_the_inner_phases_and_what_compiles_is_compiles():
    now, compiled = [0.0], [0.0]
    phases = Phases(lambda: compiled[0], lambda: now[0])

    def draw():
        now[0] += 2.0

    def evaluate():
        now[0] += 5.0
        compiled[0] += 1.0
        phases.wrap("figures", draw)()
        now[0] += 1.0

    now[0] += 0.5
    phases.wrap("evaluation", evaluate)()
    phases.settle()
    expected = {"compile": 1.0, "other": 0.5, "evaluation": 5.0, "figures": 2.0}
    assert phases.seconds == pytest.approx(expected)


def test_spans_of_compilation_that_nest_or_overlap_count_once():
    counted = CompileTime()
    for start, end in [(0.0, 4.0), (1.0, 2.0), (7.0, 8.0)]:
        counted.add("/jax/core/compile/jaxpr_trace_duration", start, end)
    counted.add("/jax/core/compile/backend_compile_duration", 3.0, 5.0)
    counted.add("/jax/other", 0.0, 100.0)
    assert counted.seconds == 6.0
    assert counted.parts == {"trace": 5.0, "lower": 0.0, "backend": 2.0}


def test_the_gap_between_two_chunks_is_the_hosts():
    gaps = ChunkGaps()
    start = gaps.wrap(lambda: lambda chunk: (chunk, None))()
    start(0)
    threading.Event().wait(0.05)
    start(1)
    gaps.end()
    assert gaps.chunks == 2
    assert 0.05 <= gaps.idle <= gaps.total


def test_an_operation_s_own_time_is_without_those_inside_it():
    events = [("call", 0, 10), ("dot.1", 1, 4), ("add", 2, 1), ("dot.2", 6, 3), ("next", 10, 5)]
    own = dict(trace.own_times(events))
    assert own == {"call": 3, "dot.1": 3, "add": 1, "dot.2": 3, "next": 5}


def test_an_operation_is_placed_in_its_layer_and_direction():
    text = (
        '  %dot.5 = f32[2] dot(a, b), metadata={op_name="jit(step)/vmap()/jvp(M.inference)'
        '/encoder/Dense_0/dot_general" stack_frame_id=3}\n'
        '  ROOT %sub.1 = f32[2] subtract(a, b), metadata={op_name="jit(step)/'
        'transpose(jvp(M))/decoder/Conv_1/conv_general_dilated"}\n'
        '  %dot.7 = f32[2] dot(a, b), metadata={op_name="jit(step)/jvp(M.inference)/'
        'posterior_statistic/post_pool/Dense_0/dot_general"}\n'
        '  %dot.8 = f32[2] dot(a, b), metadata={op_name="jit(step)/jvp(M.generative)/'
        'decoder/output/dot_general"}\n'
    )
    places = trace.places_of_program(text)
    assert places["dot.5"] == ("encoder/Dense_0", "forward", "dot_general")
    assert places["sub.1"] == ("decoder/Conv_1", "backward", "conv_general_dilated")
    layer = "posterior_statistic/post_pool/Dense_0"
    assert places["dot.7"] == (layer, "forward", "dot_general")
    assert places["dot.8"] == ("decoder/output", "forward", "dot_general")
    assert trace.place_of("copy.12", places) == ("-", "-", "copy")


def test_what_a_layer_does_is_told_from_what_is_copied_for_it():
    kinds = {
        ("encoder/Conv_1", "backward", "dot_general"): "convolutions",
        ("decoder/ConvTranspose_6", "forward", "conv_general_dilated"): "convolutions",
        ("decoder/ConvTranspose_6", "backward", "concatenate"): "copies around them",
        ("encoder/BatchNorm_0", "forward", "reduce_sum"): "normalisation and activations",
        ("encoder", "forward", "max"): "normalisation and activations",
        ("decoder/output", "forward", "dot_general"): "products",
        ("-", "-", "max"): "optimiser, bound, noise",
        ("-", "-", "copy"): "optimiser, bound, noise",
    }
    assert {place: kind_of_place(place) for place in kinds} == kinds


def test_pytorch_s_operations_are_of_the_same_kinds():
    kinds = {
        "aten::mkldnn_convolution": "convolutions",
        "aten::convolution_backward": "convolutions",
        "aten::slow_conv_transpose2d": "convolutions",
        "ConvolutionBackward0": "convolutions",
        "NativeBatchNormBackward0": "normalisation and activations",
        "aten::native_batch_norm_backward": "normalisation and activations",
        "aten::threshold_backward": "normalisation and activations",
        "aten::addmm": "products",
        "aten::_fused_adam_": "optimiser, bound, noise",
    }
    assert {name: kind_of_aten(("-", "-", name)) for name in kinds} == kinds


def test_every_kind_has_its_sum():
    sums = by_kind([("products", 1.0), ("convolutions", 2.0), ("products", 3.0)])
    assert tuple(sums) == KINDS
    assert (sums["products"], sums["convolutions"], sum(sums.values())) == (4.0, 2.0, 6.0)


def test_a_step_stands_under_the_lower_of_two_roofs():
    below = roofline(gflop=1.0, gigabytes=1.0, ms=100.0, gflops=100.0, bandwidth=20.0)
    assert below["bound_by"] == "memory"
    assert below["roof_gflop_per_second"] == 20.0
    assert below["share_of_roof"] == pytest.approx(0.5)
    beyond = roofline(gflop=50.0, gigabytes=1.0, ms=1000.0, gflops=100.0, bandwidth=20.0)
    assert (beyond["bound_by"], beyond["share_of_roof"]) == ("compute", 0.5)


def test_measurements_are_interleaved_and_ratios_are_of_neighbours():
    order = []

    def timer(name, value):
        return lambda: order.append(name) or value

    found = interleaved({"a": timer("a", 2.0), "b": timer("b", 4.0)}, 2, "test")
    assert order == ["a", "b", "a", "b"]
    assert median_ratio(found["a"], found["b"]) == 0.5


def test_a_device_without_a_known_peak_needs_one():
    assert peaks.peak_tflops("NVIDIA H200", "bfloat16", None) == 989.4
    assert peaks.peak_tflops("a toaster", "float32", 0.5) == 0.5
    with pytest.raises(InputError, match="a toaster: no peak known; accepted: --peak-tflops"):
        peaks.peak_tflops("a toaster", "float32", None)

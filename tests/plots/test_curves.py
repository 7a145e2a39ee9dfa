"""Curves and histograms: what is drawn where, read from the artists."""

import itertools

import numpy as np
import pytest

from cal_jax.plots import curves as curve_figures

RNG = np.random.default_rng(0)
CURVE = {"xlabel": "", "ylabel": "", "title": ""}


def test_a_curve_goes_through_its_points_and_references_are_level(drawn):
    xs = [1, 10, 100]
    curves = {"model": [-3.0, -2.0, -1.5], "pooled": [-2.0, -1.9, -1.8]}
    figure = drawn(
        curve_figures.draw_curve,
        xs,
        curves,
        xlabel="items",
        ylabel="nats",
        title="Score",
        log_x=True,
        reference={"truth": -1.4},
    )
    axis = figure.axes[0]
    assert axis.get_xscale() == "log" and list(axis.get_xticks()) == xs
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["1", "10", "100"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("items", "nats")
    *lines, level = axis.get_lines()
    for line, (name, curve) in zip(lines, curves.items(), strict=True):
        assert line.get_label() == name
        np.testing.assert_allclose(line.get_xydata(), np.stack([xs, curve], axis=1))
    for attribute in ("color", "marker", "linestyle"):
        assert len({getattr(line, f"get_{attribute}")() for line in lines}) == 2
    assert set(level.get_ydata()) == {-1.4} and level.is_dashed()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*curves, "truth"]


def test_a_ceiling_has_the_colour_of_its_curve_and_is_dashed(drawn):
    words = {"xlabel": "items", "ylabel": "share", "title": ""}
    curves = {"family": [0.2, 0.4], "mean": [0.1, 0.3]}
    ceilings = {"family": [0.5, 0.6], "mean": [0.7, 0.8]}
    figure = drawn(curve_figures.draw_curve, [1, 2], curves, ceilings=ceilings, **words)
    lines = figure.axes[0].get_lines()
    for (name, ceiling), line, above in zip(ceilings.items(), lines[::2], lines[1::2], strict=True):
        assert (line.get_label(), above.get_label()) == (name, f"{name}: ceiling")
        assert line.get_color() == above.get_color()
        assert above.is_dashed() and not line.is_dashed()
        assert list(above.get_ydata()) == ceiling


def test_labels_of_a_logarithmic_axis_do_not_touch(drawn):
    xs = np.arange(1, 101)
    figure = drawn(
        curve_figures.draw_curve, xs, {"y": xs}, xlabel="", ylabel="", title="", log_x=True
    )
    boxes = [tick.get_window_extent() for tick in figure.axes[0].get_xticklabels()]
    assert len(boxes) > 10
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_both_histograms_of_a_panel_are_densities_over_the_same_bins(drawn):
    real, model = RNG.normal(size=50), RNG.normal(3, 1, size=400)
    panels = [("first", real, model), *[("other", model, real)] * 4]
    figure = drawn(curve_figures.draw_sample_densities, panels)
    axis = figure.axes[0]
    assert axis.get_title(loc="left") == "first"
    bars = np.array([[bar.get_x(), bar.get_width(), bar.get_height()] for bar in axis.patches[:-1]])
    assert (bars[:, 1] * bars[:, 2]).sum() == pytest.approx(1)
    centre = (bars[:, 1] * bars[:, 2]) @ (bars[:, 0] + bars[:, 1] / 2)
    assert centre == pytest.approx(real.mean(), abs=0.2)
    outline = axis.patches[-1].get_xy()
    np.testing.assert_allclose(np.unique(outline[:, 0])[:-1], bars[:, 0])
    assert outline[outline[:, 1].argmax(), 0] == pytest.approx(3, abs=1.2)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["given set", "model"]
    assert [axis.get_visible() for axis in figure.axes] == [True] * 5 + [False]


@pytest.mark.parametrize(
    ("name", "arguments", "options", "message"),
    [
        ("curve", ([], {"a": []}), CURVE, r"xs: shape \(0,\)"),
        ("curve", ([1], {}), CURVE, "curves: none"),
        ("curve", ([1, 2], {"a": [1]}), CURVE, r"curves\['a'\]: shape \(1,\).*\[2\]"),
        ("curve", ([1, 2], {"a": [1, np.nan]}), CURVE, r"curves\['a'\].*finite"),
        ("curve", ([0, 2], {"a": [1, 2]}), {**CURVE, "log_x": True}, "positive"),
        ("curve", ([1], {"a": [1]}), {**CURVE, "reference": {"b": np.nan}}, r"reference\['b'\]"),
        ("curve", ([1], {"a": [1]}), {**CURVE, "ceilings": {"b": [1]}}, "not there: b"),
        ("curve", ([1], {"a": [1]}), {**CURVE, "ceilings": {"a": [np.inf]}}, r"ceilings\['a'\]"),
        ("sample_densities", ([],), {}, "panels: none"),
        ("sample_densities", ([("a", [], [1.0])],), {}, r"panels\[0\]: the set"),
        ("sample_densities", ([("a", [1.0], [np.nan])],), {}, r"panels\[0\]: the samples.*finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_writes_nothing(
    refused, name, arguments, options, message
):
    refused(getattr(curve_figures, f"draw_{name}"), *arguments, match=message, **options)

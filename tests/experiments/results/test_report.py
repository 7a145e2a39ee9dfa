"""The page stands alone, escapes what it is given and says what was measured."""

import base64
from html.parser import HTMLParser

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.metrics.scores import Score
from cal_jax.plots.grids import draw_sets
from experiments.results.report import write_report


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.images, self.links, self.cells = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        named = dict(attributes)
        if tag == "img":
            self.images.append(named)
        self.links += [v for k, v in attributes if k in ("src", "href") and "data:" not in v]

    def handle_data(self, data):
        if data.strip():
            self.cells.append(data.strip())


@pytest.fixture
def write(tmp_path):
    def make(**changed):
        figure = draw_sets(tmp_path / "sets.png", np.zeros((1, 2, 8, 8)), title="")
        fields = {
            "title": "black & white",
            "command": "python -m experiments.black_and_white --preset cpu",
            "intro": "Sets of digits.",
            "scores": {
                "conditional_digit": Score(0.931, 0.956, "fraction"),
                "elbo_per_item": Score(-41.868, None, "nats per item"),
            },
            "figures": [(figure, "Data sets")],
            "config": {"steps": 100, "oracle": {"widths": (8, 16)}},
            "provenance": {"device": "cpu"},
        }
        path = write_report(tmp_path / "out" / "report.html", **(fields | changed))
        return path, figure

    return make


def test_figures_are_inside_and_nothing_is_outside(write):
    path, figure = write()
    text = path.read_text()
    page = Page(text)
    assert not page.links
    assert "url(" not in text
    assert "script" not in page.tags
    (image,) = page.images
    head, body = image["src"].split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == figure.read_bytes()
    assert image["alt"] == "Data sets"
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_everything_given_is_escaped(write):
    bad = "<script>alert('x')</script>"
    path, figure = write()
    path, _ = write(
        title=bad,
        command=bad,
        intro=[bad, bad],
        scores={bad: Score(1.0, None, "ratio")},
        figures=[(figure, f'{bad}" onload="x')],
        config={bad: bad, "a": {bad: [bad]}},
        provenance={bad: bad},
    )
    text = path.read_text()
    page = Page(text)
    assert "script" not in page.tags
    assert "<script" not in text
    assert "onload" not in page.images[0]
    assert text.count("&lt;script&gt;") >= 9


def test_scores_stand_beside_their_ceiling_and_target(write):
    plain = Page(write()[0].read_text()).cells
    at = plain.index("conditional_digit")
    assert plain[at : at + 4] == ["conditional_digit", "93.1", "95.6", "%"]
    at = plain.index("elbo_per_item")
    assert plain[at : at + 3] == ["elbo_per_item", "-41.87", "nats per item"]
    assert "target" not in plain
    aimed = Page(write(targets={"conditional_digit": 0.93})[0].read_text()).cells
    at = aimed.index("conditional_digit")
    assert aimed[at : at + 5] == ["conditional_digit", "93.1", "95.6", "93.0", "%"]


def test_nested_configuration_is_a_row_a_field(write):
    cells = Page(write()[0].read_text()).cells
    assert cells[cells.index("oracle.widths") + 1] == "(8, 16)"


def test_what_cannot_be_reported_is_refused(write, tmp_path):
    other = tmp_path / "text.png"
    other.write_text("no")
    for changed in (
        {"figures": [(tmp_path / "absent.png", "")]},
        {"figures": [(other, "")]},
        {"targets": {"absent": 1.0}},
    ):
        with pytest.raises(InputError) as caught:
            write(**changed)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()

"""Joined results as Markdown."""

from experiments.results.gather import gather
from experiments.results.tables import caption, table
from tests.experiments.results.runs import run


def test_the_table_has_mean_and_sample_deviation(directory):
    text = table(gather(directory(run(0, 0.90), run(1, 0.92), run(2, 0.94))))
    assert text.splitlines() == [
        "| score | mean ± sd (3 seeds) | ceiling | unit |",
        "|---|---|---|---|",
        "| conditional_digit | 92.0 ± 2.0 | 95.0 | % |",
        "| elbo_per_item | -42.00 ± 1.00 |  | nats per item |",
    ]


def test_one_seed_has_no_deviation(directory):
    text = table(gather(directory(run())))
    assert "value (1 seed)" in text
    assert "| conditional_digit | 90.0 | 95.0 | % |" in text


def test_the_caption_names_what_bounds_cannot_be_compared_without(directory):
    text = caption(gather(directory(run())))
    assert "mnist 14 static" in text
    assert "digit 95.6 %" in text
    assert "1.0 minutes a seed on cpu" in text

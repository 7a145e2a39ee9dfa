"""Poisoned images, and the runs of every experiment with known labels on them."""

from typing import Any, NamedTuple

import pytest

from cal_jax.metrics.scores import Score
from experiments import black_and_white, held_out_pairs, rotated, three_contexts
from tests.experiments import runs
from tests.experiments.poisoned import Record, write_images
from tests.plots.conftest import draw_and_keep  # noqa: F401  # the fixture drawn


class Known(NamedTuple):
    """A run of an experiment with known labels."""

    module: Any
    ceilings: dict[str, float | None]
    """Of its ``generation_scores``."""
    record: Record


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder of MNIST's files."""
    return write_images(tmp_path_factory.mktemp("data") / "mnist")


@pytest.fixture(
    scope="session",
    params=[black_and_white, rotated, held_out_pairs, three_contexts],
    ids=lambda module: module.EXPERIMENT.name,
)
def known(request, data, tmp_path_factory):
    """Its scores have ceilings far below the goal, barely too low for it, at 1, and none."""
    module = request.param
    goals = module.EXPERIMENT.targets
    ceilings = dict.fromkeys(goals) | dict(zip(goals, (0.5, 0.9, 1.0), strict=False))
    scores = {name: Score(0.4, ceiling, "fraction") for name, ceiling in ceilings.items()}
    with pytest.MonkeyPatch.context() as patch:
        for own in ("two_constant_scores", "held_out_scores"):
            if hasattr(module, own):
                runs.stand_in(patch, module, own, {})
        folder = tmp_path_factory.mktemp("known")
        record = runs.run_known_labels(patch, module, data, folder, scores)
    return Known(module, ceilings, record)

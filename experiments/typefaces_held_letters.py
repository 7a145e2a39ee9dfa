"""Letters that training never saw, drawn in a few faces and asked for in the others.

    python -m experiments.typefaces_held_letters --preset cpu --data-dir DIR

DIR holds fonts, or ``glyphs.npz``, as for ``experiments.typefaces``; without it, the faces that
ship with the package are taken. The learner is trained without some letters. Then each of them is
shown in five training faces, and drawn in other training faces and in faces of families that
training never saw, from their usual letters. The run's page and scores are in its folder,
runs/typefaces_held_letters-cpu-fonts-seed0.
"""

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten, require_at_least
from cal_jax.data.glyphs.glyphs import Glyphs
from cal_jax.data.glyphs.splits import Split, split_families
from cal_jax.errors import InputError
from cal_jax.inference import weights
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.scores import Score
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.training.config import Trained
from experiments.common.figures import draw_course
from experiments.common.run import TEST_SEED, Fit, fit_runs, open_runs
from experiments.results.publish import publish, run_of
from experiments.typefaces import config as typefaces
from experiments.typefaces.config import CONTEXTS, TypefacesConfig
from experiments.typefaces.faces import faces_of, fingerprint, levels, training_items
from experiments.typefaces.new_letter_learner import new_letter_method
from experiments.typefaces.new_letters import (
    RIDGES,
    Faces,
    Method,
    as_it_is,
    choices_of,
    mean_example,
    nearest_example,
    new_letter_scores,
    ridge_of_faces,
    ridge_of_letters,
)
from experiments.typefaces.pipeline import about, few
from experiments.typefaces.refined import PULLS
from experiments.typefaces.training import learner_objective, learner_sets

NAME = "typefaces_held_letters"


@dataclass(frozen=True)
class HeldLettersConfig(TypefacesConfig):
    """A typeface study with letters that training never sees."""

    held_letters: str = "EKLT"
    """They are drawn afterwards; a random choice."""
    examples: int = 5
    """Training faces that show a held letter."""
    draws: int = 5
    """Random choices of these faces, for each held letter."""
    known_faces: int = 100
    """Training faces that show held letters or are asked for them, at most."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, examples=2, draws=1)
        held = self.held_letters
        if not held or not set(held) < set(self.letters) or len(set(held)) < len(held):
            raise InputError(
                f"held_letters {held!r}; accepted: some of {self.letters}, each once, not all"
            )
        if self.known_faces <= self.examples:
            raise InputError(
                f"known_faces {self.known_faces}; accepted: more than the {self.examples} examples"
            )

    @property
    def usual_letters(self) -> str:
        """Of training."""
        return "".join(letter for letter in self.letters if letter not in self.held_letters)


def _held(base: TypefacesConfig, summary: str) -> HeldLettersConfig:
    """The config of a typeface study, with held letters and without baselines of its own."""
    kept = {**vars(base), "summary": summary, "group_vaes": (), "statistician": False}
    kept["judge_steps"] = TypefacesConfig.judge_steps  # it has none
    return HeldLettersConfig(**kept)


PRESETS = {
    "smoke": replace(
        _held(typefaces.PRESETS["smoke"], "seconds: a small model, too short to learn; for tests"),
        draws=1,
        known_faces=12,
    ),
    "cpu": replace(
        _held(typefaces.PRESETS["demo"], "some 3 minutes on 1 core, of the published corpus"),
        training=replace(typefaces.PRESETS["demo"].training, steps=2_000),
    ),
}


def run(request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    program.require_packages("matplotlib", "jinja2", "safetensors", "skimage")
    config = request.config
    glyphs, data_name = faces_of(request.data_dir)
    split = Split(*(part.only(config.letters) for part in split_families(glyphs)))
    items = training_items(split.train.only(config.usual_letters))
    model = ContextAwareLearner(config.model, items.event_shape)
    sets = learner_sets(config, items)
    with open_runs(request, NAME, data_name) as runs:
        what = Fit(model, learner_objective(config), lambda _: sets)
        trained = fit_runs(runs, what, faces=fingerprint(split))
        if is_first():
            for (one, folder), of_seed in zip(runs, trained, strict=True):
                evaluate(one, folder, model, of_seed, split, data_name)


def evaluate(
    request: program.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    split: Split,
    data_name: str,
) -> None:
    """Score the trained model and write scores.json, the figure, the weights and the report."""
    config, started = request.config, time.monotonic()
    learner = TrainedLearner(model, trained.variables, config.set_size[1])
    scores = scores_of(config, learner, split)
    weights.save_if_small(folder.path / weights.FILE, learner)
    publish(
        folder.path,
        run_of(
            request,
            trained,
            started,
            experiment=NAME,
            data=about(split, config, data_name),
            scores=scores,
        ),
        title=f"Letters that training never saw, {data_name}",
        intro="A context-aware learner of capital letters, trained without some of them. Each of "
        f"{', '.join(config.held_letters)} is shown in {config.examples} training faces and drawn "
        "in others.",
        notes=[
            "`known` are training faces, whose usual letters training saw; `unseen` are "
            f"{config.scored} faces.",
            f"Each score is a mean over {config.draws} random choices of the examples for each "
            "letter. Strengths are chosen on validation faces.",
        ],
        config=flatten(config),
        figures=[draw_course(folder.path, folder.read_metrics(), CONTEXTS)],
        targets=None,
    )


def scores_of(config: HeldLettersConfig, learner: TrainedLearner, split: Split) -> dict[str, Score]:
    """How well every method draws the held letters."""
    usual = levels(split.train.only(config.usual_letters))
    parts = (
        few(split.train, config.known_faces),
        few(split.validation, config.most_faces),
        few(getattr(split, config.scored), config.most_faces),
    )
    train, validation, scored = (faces_with(config, part) for part in parts)
    choices = choices_of(
        len(config.held_letters), len(train.new), config.examples, config.draws, TEST_SEED
    )
    methods = {
        "completion": (new_letter_method(learner, usual, fitted=True), PULLS),
        "encoder": (new_letter_method(learner, usual, fitted=False), (math.inf,)),
        "ridge_faces": (Method(as_it_is, ridge_of_faces), RIDGES),
        "ridge_letters": (Method(as_it_is, ridge_of_letters), RIDGES),
        "copy": (Method(as_it_is, nearest_example), (0.0,)),
        "mean": (Method(as_it_is, mean_example), (0.0,)),
    }
    scores: dict[str, Score] = {}
    for name, (method, strengths) in methods.items():
        scores |= new_letter_scores(name, method, strengths, train, validation, scored, choices)
    return scores


def faces_with(config: HeldLettersConfig, glyphs: Glyphs) -> Faces:
    """Faces with their usual and their new letters apart."""
    usual, new = (glyphs.only(of) for of in (config.usual_letters, config.held_letters))
    return Faces(levels(usual), levels(new))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    module, description = f"experiments.{NAME}", __doc__.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(
            module, description, PRESETS, arguments, images=False, data=True, oracle=False
        ),
        run,
    )


if __name__ == "__main__":
    sys.exit(main())

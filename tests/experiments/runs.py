"""Runs of every experiment on poisoned images: what fits is recorded, what scores stands still.

A score that fits nothing costs most of a run's time and sees the evaluation images alone: it
is replaced by a record of the images that it is given.
"""

from dataclasses import replace

import numpy as np

from cal_jax.evaluation.oracle.train import OracleConfig
from cal_jax.metrics.scores import Score
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from cal_jax.models.context_aware.config import ContextAwareConfig, named
from cal_jax.objectives.vae import VAETerms
from experiments.baselines import pipeline as baselines
from experiments.common import known_labels
from experiments.spatial_mnist import pipeline as spatial_mnist
from experiments.synthetic_sets import pipeline as synthetic_sets
from experiments.unsupervised import pipeline as unsupervised
from experiments.vae_mnist import pipeline as vae_mnist
from tests.experiments.poisoned import SIDE, Record, spy_on_fits
from tests.experiments.shrunk import shrunk

SCORE = Score(0.5, None, "fraction")
TERMS = VAETerms(*np.zeros(3, np.float32))
ORACLE = OracleConfig(widths=(4, 8), steps=1, batch=8)
SETS = {"image_size": SIDE, "num_sets": 20, "test_sets": 10, "set_size": 4, "oracle": ORACLE}


def run(patch, main, presets, config, data, folder, *flags):
    """The program at a config in the place of its published preset."""
    patch.setitem(presets, "cpu", config)
    words = ["--preset", "cpu", "--run-dir", str(folder / "run"), "--devices", "1"]
    images = [] if data is None else ["--data-dir", str(data)]
    assert main([*words, *images, *flags]) == 0


def stand_in(patch, module, name, result, seen=None):
    """A function that returns a fixed result, and hands its arguments to ``seen``."""

    def standing(*args, **options):
        if seen is not None:
            seen(args, options)
        return result

    patch.setattr(module, name, standing)


def scoring(record, place):
    """For ``stand_in``: the argument at a place is scored."""
    return lambda args, _: record.scored.append(np.asarray(args[place]))


def real_scoring(record, place):
    """The same for the sets of ``generation_scores.Real``."""

    def seen(args, _):
        real = args[place]
        for sets in (*real.one_constant, real.all_constant, real.none_constant):
            record.scored.append(sets.x)

    return seen


def publishing(record):
    """For ``stand_in``: what is published first."""
    return lambda args, options: record.found.append((args[0], options))


def small_sets(config, **changes):
    """A config of sets of digit images, as small as it trains."""
    return replace(config, **{"model": shrunk(config.model), **SETS, **changes})


def run_known_labels(patch, module, data, folder, scores):
    """A record of an experiment with known labels, with given ``generation_scores``."""
    record = Record()
    spy_on_fits(patch, record)
    study = known_labels
    stand_in(patch, study, "bound_per_item", TERMS, scoring(record, 4))
    stand_in(patch, study, "generate", None, real_scoring(record, 2))
    stand_in(patch, study, "generation_scores", scores, real_scoring(record, 2))
    stand_in(patch, study, "log_evidence_per_item", SCORE, scoring(record, 3))
    stand_in(patch, study, "draw_course", None)
    stand_in(patch, study.weights, "save_if_small", None)
    stand_in(patch, study, "publish_report", None, publishing(record))
    own = study.context_scores

    def context_scores(names, model, variables, key, train, test):
        for sets in train:
            record.fit("probe", sets.x, sets.factors[..., 0])
        record.scored.extend(sets.x for sets in test)
        return own(names, model, variables, key, train, test)

    patch.setattr(study, "context_scores", context_scores)
    experiment = module.EXPERIMENT._replace(draw=lambda *_: [])
    patch.setattr(module, "EXPERIMENT", experiment)
    smoke = module.PRESETS["smoke"]
    model = shrunk(
        ContextAwareConfig(
            named(*smoke.factors.names), encoder=DenseEncoder(), decoder=DenseDecoder()
        )
    )
    config = small_sets(smoke, model=model, likelihood_every=5)
    run(patch, module.main, module.PRESETS, config, data, folder)
    return record


def run_unsupervised(patch, module, data, folder):
    """A record of the experiment whose labels are inferred, with all digits."""
    record, study = Record(), unsupervised
    spy_on_fits(patch, record)
    stand_in(patch, study, "bound_per_item", TERMS, scoring(record, 4))
    stand_in(patch, study, "generate", None, real_scoring(record, 2))
    stand_in(patch, study, "generation_scores", {}, real_scoring(record, 2))
    stand_in(patch, study, "infer_labels", np.full((10, 2), 0.5), scoring(record, 2))
    stand_in(patch, study, "elbo_of_masks", np.zeros((10, 2)), scoring(record, 3))
    stand_in(patch, study, "draw_label_course", None)
    stand_in(patch, study, "draw_generation", [])
    stand_in(patch, study, "publish_report", None, publishing(record))
    config = small_sets(module.PRESETS["smoke"])
    run(patch, module.main, module.PRESETS, config, data, folder, "--task", "bw")
    return record


def run_baselines(patch, module, data, folder):
    """A record of a baseline."""
    record, study = Record(), baselines
    spy_on_fits(patch, record)
    stand_in(patch, study, "bound_by_label", TERMS, scoring(record, 4))
    stand_in(patch, study, "log_evidences", np.zeros(2), scoring(record, 4))
    stand_in(
        patch,
        study,
        "generation_of",
        ({}, []),
        lambda args, _: real_scoring(record, 0)((args[4].real,), {}),
    )
    stand_in(patch, study, "draw_course", None)
    stand_in(patch, study, "publish_report", None, publishing(record))
    config = small_sets(module.PRESETS["smoke"], likelihood_every=5)
    run(patch, module.main, module.PRESETS, config, data, folder)
    return record


def run_vae_mnist(patch, module, data, folder):
    """A record of the autoencoder, one model for each binarisation."""
    record, study = Record(), vae_mnist
    spy_on_fits(patch, record)
    stand_in(patch, study, "bound_per_item", TERMS, scoring(record, 4))
    stand_in(patch, study, "item_log_likelihoods", np.zeros(2), scoring(record, 3))
    stand_in(patch, study, "draw_latent_space", [])
    stand_in(patch, study, "draw_course", None)
    stand_in(patch, study, "publish", None, publishing(record))
    smoke = module.PRESETS["smoke"]
    config = replace(smoke, model=shrunk(smoke.model), likelihood_images=5)
    run(patch, module.main, module.PRESETS, config, data, folder)
    return record


def run_spatial_mnist(patch, module, data, folder):
    """A record of the statistician of points; what is scored are points of images."""
    record, study = Record(), spatial_mnist
    spy_on_fits(patch, record)
    stand_in(
        patch,
        study,
        "train_point_oracle",
        None,
        lambda args, _: record.fit("oracle", args[0].images, args[0].labels),
    )
    stand_in(patch, study, "accuracy", 0.5)
    stand_in(patch, study, "digest", "of none")
    stand_in(patch, study, "predict", np.zeros(40))
    stand_in(patch, study, "bound_per_item", TERMS)
    stand_in(patch, study, "set_log_likelihoods", np.zeros(2))
    stand_in(patch, study, "conditional_sampler", lambda *_: np.zeros((40, 4, 2)))
    stand_in(patch, study, "log_density", np.zeros((40, 4)), scoring(record, 1))
    stand_in(patch, study, "draw_samples", None)
    stand_in(patch, study, "draw_course", None)
    stand_in(patch, study, "publish", None, publishing(record))
    smoke = module.PRESETS["smoke"]
    config = replace(smoke, model=shrunk(smoke.model, layers=1), set_size=4)
    run(patch, module.main, module.PRESETS, config, data, folder)
    return record


def run_synthetic_sets(patch, module, folder):
    """A record of the statistician of numbers, and the sets that it is evaluated on."""
    record, study = Record(), synthetic_sets
    spy_on_fits(patch, record)
    judged, own = [], study.sets_of_test

    def sets_of_test(*args, **options):
        judged.append(own(*args, **options))
        return judged[-1]

    patch.setattr(study, "sets_of_test", sets_of_test)
    stand_in(patch, study, "bound_per_item", TERMS, scoring(record, 4))
    stand_in(patch, study, "set_log_likelihoods", np.zeros(2))
    stand_in(patch, study, "gap_score", SCORE)
    for name in ("draw_contexts", "draw_conditional_samples", "draw_set_sizes", "draw_course"):
        stand_in(patch, study, name, [] if name == "draw_contexts" else None)
    stand_in(patch, study, "publish", None, publishing(record))
    smoke = module.PRESETS["smoke"]
    model = shrunk(smoke.model, layers=1)
    config = replace(smoke, model=model, num_sets=40, set_size=5, sizes=(5,))
    run(patch, module.main, module.PRESETS, config, None, folder)
    return record, judged

"""A run's record, made up."""

from cal_jax.metrics.scores import Score
from experiments.results.record import score_fields

COMMAND = "python -m experiments.black_and_white --preset cpu"


def run(seed=0, digit=0.9, **changed):
    fields = {
        "experiment": "black_and_white",
        "preset": "cpu",
        "command": f"{COMMAND} --seed {seed}",
        "seed": seed,
        "device": "cpu",
        "versions": {"jax": "0.10.2"},
        "revision": "abc",
        "seconds": 60.0 + seed,
        "oracle": {"digest": "d1", "accuracy": {"digit": 0.956, "background": 1.0}},
        "data": {
            "name": "mnist",
            "fingerprint": "f1",
            "binarisation": "static",
            "image_size": 14,
        },
        "thesis": {},
        "scores": score_fields(
            {
                "conditional_digit": Score(digit, 0.95, "fraction"),
                "elbo_per_item": Score(-41.0 - seed, None, "nats per item"),
            }
        ),
    }
    return fields | changed

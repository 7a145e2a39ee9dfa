"""The weights of typefaces that ship with the package, on faces that training never saw."""

import numpy as np

from cal_jax.data.glyphs.embedded import embedded
from cal_jax.data.glyphs.render import CAPITALS
from cal_jax.data.glyphs.splits import split_families
from cal_jax.inference import weights
from cal_jax.trained import TYPEFACES


def test_letters_of_unseen_faces_are_drawn_nearer_than_the_mean_letter():
    assert TYPEFACES.stat().st_size <= weights.LARGEST
    learner = weights.load(TYPEFACES)
    assert learner.names == ("letter", "typeface") and learner.model.event_shape == (32, 32)
    train, _, test = (part.only(CAPITALS) for part in split_families(embedded()))
    known, faces = (part.items.astype(np.float32) / 255 for part in (train, test))
    wanted = CAPITALS.index("R")
    style = learner.contexts(faces[:, :4], constant=("typeface",))["typeface"]
    letter = learner.contexts(known[:10, wanted], constant=("letter",))["letter"]
    drawn = learner.decode({"letter": letter, "typeface": style})

    def error(images):
        return np.sqrt(np.square(images - faces[:, wanted]).mean(axis=(1, 2))).mean()

    assert error(drawn) < 0.85 * error(known[:, wanted].mean(axis=0)[None])
    others = learner.decode({"letter": letter, "typeface": np.roll(style, 1, axis=0)})
    assert error(drawn) < 0.85 * error(others)

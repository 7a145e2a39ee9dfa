"""Changes of a face: about the centre, alike for its glyphs, inside the levels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.typefaces.restyle import Restyle, draw_restyle, restyle, restyle_faces

SAME = Restyle(*map(jnp.float32, (1.0, 1.0, 0.0, 0.0)))


def stem(size=9):
    """A vertical stroke in the middle."""
    glyph = np.zeros((size, size), np.float32)
    glyph[2:7, size // 2] = 1
    return jnp.asarray(glyph)


def test_no_change_is_the_glyph_itself():
    glyph = jax.random.uniform(jax.random.key(0), (8, 9))
    np.testing.assert_allclose(restyle(glyph, SAME), glyph, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "pixel"),
    [
        (SAME._replace(slant=jnp.float32(1.0)), (2, 6)),  # 2 above the middle, 2 to the right
        (SAME._replace(height=jnp.float32(2.0)), (0, 4)),
        (SAME._replace(weight=jnp.float32(1.0)), (4, 3)),
    ],
)
def test_a_stem_is_slanted_to_the_right_heightened_and_thickened(change, pixel):
    assert stem()[pixel] == 0 and stem()[2, 4] == 1
    np.testing.assert_allclose(restyle(stem(), change)[pixel], 1.0, atol=1e-5)


def test_a_wider_bar_is_longer_and_a_thin_stem_is_eroded():
    wider = restyle(stem().T, SAME._replace(width=jnp.float32(2.0)))
    assert wider[4].sum() > 8 and stem().T[4].sum() == 5
    thinner = restyle(stem(), SAME._replace(weight=jnp.float32(-0.5)))
    np.testing.assert_allclose(thinner, 0.5 * stem(), atol=1e-6)


def test_glyphs_of_a_face_change_alike_and_faces_differ_within_the_levels():
    glyphs = jnp.tile(stem(), (6, 1, 1))
    faces = jnp.asarray([0, 0, 1, 1, 2, 2])
    for seed in range(3):
        changed = restyle_faces(jax.random.key(seed), glyphs, faces, 3)
        assert changed.min() >= 0 and changed.max() <= 1
        np.testing.assert_array_equal(changed[::2], changed[1::2])
        assert np.abs(changed[0] - changed[2]).max() > 0.05


def test_changes_are_centred_on_none():
    drawn = jax.vmap(draw_restyle)(jax.random.split(jax.random.key(0), 2_000))
    np.testing.assert_allclose(np.log(drawn.width).mean(), 0, atol=0.02)
    np.testing.assert_allclose(np.log(drawn.width).std(), 0.15, atol=0.02)
    np.testing.assert_allclose(drawn.slant.mean(), 0, atol=0.02)
    assert np.abs(drawn.weight).max() <= 0.5 and abs(drawn.weight.mean()) < 0.03

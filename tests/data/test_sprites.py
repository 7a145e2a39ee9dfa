"""The reader of sprite sheets and their composition, on made-up sheets of flat colours."""

import re

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from cal_jax.data.sprite_frames import (
    BACKGROUND,
    CHARACTER,
    FACTORS,
    compose,
    layers_digest,
    render_frames,
    sprite_frames,
)
from cal_jax.data.sprites import POSES, Pose, character_codes, read_sprites
from cal_jax.errors import InputError
from tests.data.sprite_sheets import colour, layer, save, write_sheets

SOME = (Pose("walk", "front", 1), Pose("spellcast", "left", 6), Pose("slash", "right", 5))


@pytest.fixture(name="sheets", scope="module")
def made_sheets(tmp_path_factory):
    """A directory with the 25 sheets."""
    return write_sheets(tmp_path_factory.mktemp("data") / "sheets")


def test_layers_are_the_frames_of_their_sheets(sheets):
    layers = read_sprites(sheets, SOME)
    assert layers.pixels.shape == (25, 3, 64, 64, 4) and layers.poses == SOME
    hair = layer("hair", 4)
    for row, (first, column) in enumerate([(10, 1), (1, 6), (15, 5)]):
        frame = hair[64 * first : 64 * first + 64, 64 * column : 64 * column + 64]
        np.testing.assert_array_equal(layers.pixels[6 * 3 + 4, row], frame)
    skin = [tuple(pixels[22, 4]) for pixels in layers.pixels[0]]
    assert skin != [skin[0]] * 3, "poses differ"
    np.testing.assert_array_equal(layers.pixels[-1, 0, 58, 20], [255, 255, 255, 128])
    assert layers_digest(layers) == layers_digest(read_sprites(sheets, SOME))
    assert layers_digest(layers) != layers_digest(read_sprites(sheets, SOME[:2]))


def test_poses_are_those_of_the_published_actions_without_their_first_frame():
    assert len(POSES) == len(set(POSES)) == 3 * (8 + 6 + 5)
    assert min(pose.frame for pose in POSES) == 1
    codes = character_codes()
    assert codes.shape == (1296, 4) and len(np.unique(codes, axis=0)) == 1296


def test_later_layers_cover_earlier_ones_by_their_alpha():
    pixels = np.zeros((3, 4, 1, 3), np.uint8)
    pixels[0, :, 0] = [[100], [40], [20], [255]]
    pixels[1, :, 0, 1:] = [[200], [0], [60], [255]]
    pixels[2, :, 0, 2] = [10, 255, 0, 51]  # a fifth
    frame = compose(jnp.asarray(pixels))
    expected = [[100, 40, 20], [200, 0, 60], [0.8 * 200 + 0.2 * 10, 51, 48]]
    np.testing.assert_array_equal(frame, [expected])
    pixels[0, 3] = 51
    through = [0.2 * level + 0.8 * BACKGROUND for level in (100, 40, 20)]
    np.testing.assert_array_equal(compose(jnp.asarray(pixels))[0, 0], np.round(through))
    assert frame.dtype == jnp.uint8 and frame.shape == (1, 3, 3)


def test_a_frame_shows_the_layers_of_its_factors(sheets):
    frames = sprite_frames(read_sprites(sheets, SOME))
    assert frames.names == (*FACTORS, "frame") and frames.event_shape == (64, 64, 3)
    assert frames.num_items == 1296 * 3 and frames.items.nbytes == 5 * frames.num_items
    assert frames.sizes["action"] == frames.sizes["direction"] == 3
    rows = np.random.default_rng(0).permutation(frames.num_items)[:40].reshape(2, 20)
    shown = render_frames(frames, rows)
    assert shown.shape == (2, 20, 64, 64, 3) and shown.dtype == np.uint8
    for row, frame in zip(rows.reshape(-1), shown.reshape(-1, 64, 64, 3), strict=True):
        values = dict(zip(CHARACTER, frames.columns(CHARACTER)[row], strict=True))
        for name, place in {"skin": (20, 20), "trousers": (45, 20), "top": (30, 40)}.items():
            np.testing.assert_array_equal(frame[place], colour(name, values[name]))
        np.testing.assert_array_equal(frame[12, 20], colour("hair", values["hair"]))
        half = 128 / 255 * 255 + (1 - 128 / 255) * np.asarray(colour("skin", values["skin"]))
        np.testing.assert_array_equal(frame[58, 20], np.round(half))
        assert (frame[:10] == BACKGROUND).all()
        action, direction = frames.columns(["action", "direction"])[row]
        hand = frame[20 + 6 * action, 2 + 4 * direction]
        assert hand[0] == 200 and hand[2] == 20 * int(frames.factors["frame"][row])


def test_the_order_in_which_layers_are_drawn(tmp_path):
    write_sheets(tmp_path / "sheets")
    full = np.zeros((64, 64, 4), np.uint8)
    for place, folder in enumerate(("body", "bottomwear", "topwear", "hair", "shoes")):
        full[:, 12 * place :] = [place, place, place, 255]
        name = "1.png" if folder == "shoes" else "0.png"
        save(tmp_path / "sheets" / folder / name, np.tile(full, (21, 13, 1)))
        full[:] = 0
    frames = sprite_frames(read_sprites(tmp_path / "sheets", SOME[:1]))
    zero = np.flatnonzero((frames.columns(CHARACTER) == 0).all(axis=1))
    row = render_frames(frames, zero)[0, 0, :, 0]
    np.testing.assert_array_equal(row, np.minimum(np.arange(64) // 12, 4))


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("hair/3.png", None, "hair/3.png: no such file; accepted: the sheets of https://github"),
        ("body/0.png", b"", "body/0.png: no PNG (UnidentifiedImageError); accepted: a PNG"),
        ("shoes/1.png", b"GIF89a", "shoes/1.png: no PNG (UnidentifiedImageError)"),
        ("topwear/5.png", 400, "topwear/5.png: damaged ("),
        ("bottomwear/1.png", (64, 832), "64 x 832 pixels; accepted: 832 x 1344"),
        ("bottomwear/1.png", (1344, 832), "1344 x 832 pixels; accepted: 832 x 1344"),
    ],
)
def test_a_bad_sheet_is_named(sheets, name, body, message, tmp_path):
    path = tmp_path / "sheets"
    for folder in ("body", "bottomwear", "topwear", "hair", "shoes"):
        (path / folder).mkdir(parents=True)
        for sheet in (sheets / folder).iterdir():
            (path / folder / sheet.name).symlink_to(sheet)
    bad = path / name
    whole = bad.read_bytes()
    bad.unlink()
    if isinstance(body, tuple):
        Image.new("RGBA", body).save(bad)
    elif body is not None:
        bad.write_bytes(whole[:body] if isinstance(body, int) else body)
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        read_sprites(path, SOME)
    assert str(bad) in str(refused.value) and "\n" not in str(refused.value)

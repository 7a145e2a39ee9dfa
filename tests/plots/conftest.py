"""What the tests of figures share."""

import pytest

from cal_jax.errors import InputError
from cal_jax.plots import canvas
from tests.plots.pictures import read


@pytest.fixture(name="drawn")
def draw_and_keep(monkeypatch, tmp_path):
    """Draw to a file, check the picture, and return the figure that it was made of."""
    kept = []
    save = canvas.save

    def keep(path, figure):
        kept.append(figure)
        return save(path, figure)

    monkeypatch.setattr(canvas, "save", keep)

    def draw(function, *arguments, least_height=300, **options):
        path = tmp_path / "figure.png"
        assert function(path, *arguments, **options) == path
        assert [file.name for file in tmp_path.iterdir()] == ["figure.png"]
        height, width, _ = read(path).shape
        assert least_height < height < 1500 and 500 < width < 2500
        return kept.pop()

    return draw


@pytest.fixture(name="refused")
def try_to_draw(tmp_path):
    """Try to draw to a file: one line says why it cannot be, and nothing is written."""

    def attempt(function, *arguments, match, **options):
        with pytest.raises(InputError, match=match) as caught:
            function(tmp_path / "figure.png", *arguments, **options)
        assert "\n" not in str(caught.value)
        assert not list(tmp_path.iterdir())

    return attempt

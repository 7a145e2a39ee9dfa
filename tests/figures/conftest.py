"""What the tests of figures share."""

import pytest

from cal_jax import canvas
from tests.figures.pictures import read


@pytest.fixture(name="drawn")
def draw_and_keep(monkeypatch, tmp_path):
    """Draw to a file, check the picture, and return the figure that it was made of."""
    kept = []
    save = canvas.save

    def keep(path, figure):
        kept.append(figure)
        return save(path, figure)

    monkeypatch.setattr(canvas, "save", keep)

    def draw(function, *arguments, **options):
        path = tmp_path / "figure.png"
        assert function(path, *arguments, **options) == path
        assert [file.name for file in tmp_path.iterdir()] == ["figure.png"]
        height, width, _ = read(path).shape
        assert 200 < height < 1500 and 500 < width < 2500
        return kept.pop()

    return draw

"""The bench's picture: what every code of every method is important for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cal_jax.plots import canvas
from experiments.common.figures import Figure


def draw_importances(
    folder: Path, importances: Mapping[str, np.ndarray], factors: Sequence[str]
) -> Figure:
    """One panel a method: its codes or blocks against the factors.

    Args:
      folder: where the PNG goes.
      importances: of each method, [D, F].
      factors: names, F.
    """
    width = 4
    height = -(-len(importances) // width)
    drawn = canvas.figure(2.4 * width, 2.2 * height, layout="constrained")
    axes = drawn.subplots(height, width, squeeze=False).reshape(-1)
    for axis in axes[len(importances) :]:
        axis.set_visible(False)
    for axis, (name, importance) in zip(axes, importances.items(), strict=False):
        axis.imshow(importance.T, vmin=0.0, vmax=1.0, cmap="Blues", aspect="auto")
        axis.set_title(name, fontsize=8)
        axis.set_yticks(range(len(factors)), factors, fontsize=6)
        axis.set_xticks(range(len(importance)), range(1, len(importance) + 1), fontsize=6)
    path = canvas.save(folder / "importance.png", drawn)
    return path, (
        "Importance of each dimension, or of each block of dimensions, for predicting each "
        "factor (DCI's trees; a row adds up to 1). A disentangled code is dark in one row."
    )

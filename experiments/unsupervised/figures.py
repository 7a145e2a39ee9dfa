"""The course of training with inferred labels, ten panels (thesis figure 6.8)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cal_jax.errors import InputError
from cal_jax.metrics.labels import pseudo_accuracy
from cal_jax.objectives.label_schedules import LabelSchedule
from cal_jax.plots import canvas
from cal_jax.plots.canvas import OKABE_ITO
from experiments.common.figures import Figure

NATS = "nats per item"


class Panel(NamedTuple):
    """One small diagram: curves over epochs."""

    title: str
    unit: str
    curves: Mapping[str, np.ndarray]
    """By their names in the legend; one alone needs none."""


def draw_label_course(
    folder: Path, records: Sequence[Mapping[str, Any]], support: np.ndarray, schedule: LabelSchedule
) -> Figure:
    """Criterion, bound, reconstruction, every KL, weights, temperature and pseudo-accuracy.

    Args:
      folder: where the PNG goes.
      records: of the metrics, one a chunk.
      support: the labels that are possible, [M, K].
      schedule: that of the run.

    Raises:
      InputError: no records.
    """
    if not records:
        raise InputError("the records hold no step of training: there is nothing to draw")
    epochs = np.array([record["epoch"] for record in records])
    figure = canvas.figure(15.0, 5.6, "constrained")
    axes = figure.subplots(2, 5).ravel()
    for axis, panel in zip(axes, panels_of(records, support, schedule), strict=True):
        for index, (name, curve) in enumerate(panel.curves.items()):
            style = ("-", "--", ":")[index % 3]
            axis.plot(epochs, curve, style, color=OKABE_ITO[index], lw=1.4, label=name)
        if len(panel.curves) > 1:
            axis.legend(frameon=False, fontsize=8)
        axis.set_title(panel.title, loc="left", fontsize=10)
        axis.set(xlabel="epoch", ylabel=panel.unit)
        canvas.lighten(axis)
    path = canvas.save(folder / "course.png", figure)
    return path, (
        "Training with inferred labels, as thesis figure 6.8 has it: the criterion that is "
        "maximised, the bound, its reconstruction and KLs, their weights, the temperature (or, "
        "where no label is drawn, what the label network has yet to learn), and the "
        "pseudo-accuracy of its most probable label on the training sets of each chunk."
    )


def panels_of(
    records: Sequence[Mapping[str, Any]], support: np.ndarray, schedule: LabelSchedule
) -> list[Panel]:
    """The ten panels, in the order of figure 6.8."""

    def series(name: str) -> np.ndarray:
        return np.array([record[name] for record in records], float)

    def nats(title: str, name: str) -> Panel:
        values = series(name)
        if values.ndim == 1:
            return Panel(title, NATS, {title: values})
        return Panel(title, NATS, {f"context {k + 1}": curve for k, curve in enumerate(values.T)})

    steps, epochs = series("step"), series("epoch")
    per_epoch = max(1, round(steps[-1] / epochs[-1]))
    weights = [schedule.weights(per_epoch, step) for step in steps]
    of_terms = {
        term: np.array([float(one.of(f"kl_{term}")) for one in weights])
        for term in ("latent", "varying", "label")
    }
    if schedule.temperature is None:
        last = Panel("label network's loss", NATS, {"loss": series("label_loss")})
    else:
        values = np.array([float(schedule.temperature(step)) for step in steps])
        last = Panel("temperature", "temperature", {"temperature": values})
    accuracies = [
        100 * pseudo_accuracy(confusion, support).accuracy for confusion in series("confusion")
    ]
    return [
        Panel("criterion", NATS, {"criterion": -series("loss")}),
        nats("bound", "elbo"),
        nats("reconstruction", "reconstruction"),
        nats("KL of z", "kl_latent"),
        nats("KL of varying contexts", "kl_varying"),
        nats("KL of constant contexts", "kl_constant"),
        nats("KL of the label", "kl_label"),
        Panel(
            "weights of the KLs",
            "weight",
            {
                "z": of_terms["latent"],
                "contexts": of_terms["varying"],
                "label": of_terms["label"],
            },
        ),
        last,
        Panel("pseudo-accuracy", "%", {"accuracy": np.array(accuracies)}),
    ]

"""The kinds of work in a training step, of XLA's operations and of PyTorch's alike."""

from collections.abc import Iterable
from typing import Literal, get_args

from benchmarks.trace import Place

Kind = Literal[
    "convolutions",
    "copies around them",
    "products",
    "normalisation and activations",
    "optimiser, bound, noise",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

_PRODUCTS = ("dot_general", "conv_general_dilated")
_ACTIVATIONS = ("max", "select_n", "gt")


def kind_of_place(place: Place) -> Kind:
    """Of an operation of XLA, by its layer and its name.

    XLA fuses normalisation with the activation that follows, so they are one kind.
    """
    layer, _, operation = place
    last = layer.rpartition("/")[2]
    if last.startswith("Conv"):
        return "convolutions" if operation in _PRODUCTS else "copies around them"
    if last.startswith("BatchNorm") or (layer != "-" and operation in _ACTIVATIONS):
        return "normalisation and activations"
    return "products" if operation in _PRODUCTS else "optimiser, bound, noise"


def kind_of_aten(place: Place) -> Kind:
    """Of an operation of PyTorch, or of its autograd, by its name; it has no layer."""
    name = place[2]
    plain = name.lower().replace("_", "")
    if "conv" in plain:
        return "convolutions"
    if any(part in plain for part in ("batchnorm", "relu", "threshold", "clampmin")):
        return "normalisation and activations"
    if name in ("aten::mm", "aten::addmm", "aten::bmm"):
        return "products"
    return "optimiser, bound, noise"


def by_kind(milliseconds: Iterable[tuple[Kind, float]]) -> dict[Kind, float]:
    """Their sums, of every kind."""
    sums = dict.fromkeys(KINDS, 0.0)
    for kind, spent in milliseconds:
        sums[kind] += spent
    return sums

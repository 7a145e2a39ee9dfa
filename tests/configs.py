"""A config with components, as a model's config has them."""

from dataclasses import dataclass
from typing import Literal

from cal_jax.config import omit_default
from cal_jax.errors import InputError


@dataclass(frozen=True)
class Statistic:
    """Pooled."""

    widths: tuple[int, ...] = (4, 5)
    """Of the layers."""


@dataclass(frozen=True)
class Attention:
    """Compared."""

    heads: int = 2
    """That attend."""
    inner: Statistic | None = None

    def __post_init__(self):
        if self.heads < 1:
            raise InputError(f"heads must be at least 1: got {self.heads}")


@dataclass(frozen=True)
class Turn:
    """Without a field."""


@dataclass(frozen=True)
class Context:
    """Of a factor."""

    name: str = "digit"
    action: Turn | None = None


@dataclass(frozen=True)
class Model:
    """Of several components."""

    contexts: tuple[Context, ...] = (Context(), Context("rotation", Turn()))
    posterior: Statistic | Attention = Statistic()
    """Of the contexts."""
    norm: Literal["batch", "none"] = "batch"
    skip: bool = True


@dataclass(frozen=True)
class Config:
    """Of a run."""

    summary: str
    model: Model = Model()
    rate: float = 0.5
    """Of learning."""
    clip: float | None = None
    steps: int = 10
    parts: int = omit_default(1)

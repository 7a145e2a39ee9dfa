"""Checks that a model differs from the thesis's in its sizes alone."""

from typing import Any

from cal_jax.config import flatten
from cal_jax.errors import InputError
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.statistician import NeuralStatisticianConfig
from cal_jax.models.vae import VAEConfig


def require_thesis_choices(config: Any, *names: str) -> None:
    """Refuse a config whose choices are not the defaults, which are the thesis's.

    Args:
        config: a model's, a dataclass.
        names: of the flat config (``encoder.kind``); of a component, all its fields.

    Raises:
        InputError: names the first that differs.
    """
    given, thesis = flatten(config), flatten(type(config)())
    for choice in names:
        for name in sorted({*given, *thesis}):
            is_choice = name == choice or name.startswith(f"{choice}.")
            if is_choice and given.get(name) != thesis.get(name):
                raise InputError(
                    f"{name} {given.get(name)!r}; accepted by plain forms and twins: "
                    f"{thesis.get(name)!r}"
                )


def require_thesis_vae(config: VAEConfig) -> None:
    """Refuse another autoencoder than one of plain layers as of thesis 4.4.1.

    Raises:
        InputError: see ``require_thesis_choices``.
    """
    require_thesis_choices(
        config, "encoder.kind", "decoder.kind", "covariance", "likelihood", "hidden.norm"
    )


def require_thesis_statistician(config: NeuralStatisticianConfig) -> None:
    """Refuse another neural statistician than a Gaussian one as of thesis 5.3.1.

    Raises:
        InputError: see ``require_thesis_choices``.
    """
    require_thesis_choices(config, "likelihood.kind", "likelihood.scale", "hidden.norm")


def require_thesis_context_aware(config: ContextAwareConfig) -> None:
    """Refuse another context-aware learner than a convolutional one of thesis 6.4.1.

    Its posterior takes no context with a known action.

    Raises:
        InputError: see ``require_thesis_choices``.
    """
    require_thesis_choices(
        config,
        "encoder.kind",
        "decoder.kind",
        "posterior.kind",
        "posterior.covariance",
        "constant_prior",
        "varying_prior",
        "latent.prior",
        "likelihood",
        "labels",
        "hidden.norm",
    )

"""Sizes may differ from the thesis's; what a model is made of may not."""

from dataclasses import fields
from typing import Any

from cal_jax.errors import InputError


def require_thesis_choices(config: Any, *names: str) -> None:
    """Refuse a config whose choices are not the defaults, which are the thesis's.

    Args:
        config: a model's, a dataclass.
        names: of the fields that are choices.

    Raises:
        InputError: names the first that differs.
    """
    defaults = {field.name: field.default for field in fields(config)}
    for name in names:
        value = getattr(config, name)
        if value != defaults[name]:
            raise InputError(
                f"{name} {value!r}; accepted by plain forms and twins: {defaults[name]!r}"
            )


def require_thesis_context_aware(config: Any) -> None:
    """Refuse another context-aware learner than a convolutional one of thesis 6.4.1.

    Raises:
        InputError: see ``require_thesis_choices``.
    """
    require_thesis_choices(
        config,
        "norm",
        "image_network",
        "constant_posterior",
        "tied",
        "context_prior",
        "latent_prior",
        "prior_sees_label",
        "num_labels",
    )

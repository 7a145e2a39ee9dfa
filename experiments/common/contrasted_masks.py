"""What configs of untold masks by contrast have in common: the masks, and the objective."""

from typing import Literal

import numpy as np

from cal_jax.data.mask_mix import all_masks, one_constant
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.training.config import Objective
from cal_jax.training.recipes import masks_by_contrast

Masks = Literal["one", "subsets"]


def support_of(masks: Masks, num_contexts: int) -> np.ndarray:
    """Any subset of K contexts constant, or exactly one: float32 [A, K]."""
    of = all_masks if masks == "subsets" else one_constant
    return np.asarray(of(num_contexts), np.float32)


class ContrastedMasks:
    """A config with these fields: any subset of contexts is constant, or exactly one."""

    model: ContextAwareConfig
    masks: Masks
    temperature: float
    balance_decay: float | None
    spread: float
    contrast: float
    latent_weight: float
    weight_half_life: float

    @property
    def support(self) -> np.ndarray:
        """The possible masks, float32 [A, K]."""
        return support_of(self.masks, self.model.num_contexts)

    @property
    def objective(self) -> Objective:
        """Masks by the contrast between sets, the bound at a drawn one."""
        return masks_by_contrast(
            self.support,
            temperature=self.temperature,
            balance_decay=self.balance_decay,
            spread=self.spread,
            contrast=self.contrast,
            latent_weight=self.latent_weight,
            half_life=self.weight_half_life,
        )

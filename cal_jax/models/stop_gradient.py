"""A model paired with a stop-gradient copy, for STL and DReG gradient estimators."""

from typing import Any

import flax.linen as nn
import jax

from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.objectives.gradient_estimators import LiveAndStopped


class StopGradientCopy(nn.Module):
    """``model`` and a copy bound to stop-gradient parameters, with the variables of ``model``.

    ``generative(ctx)`` and ``inference(ctx)`` return ``LiveAndStopped``, so
    ``map_objective`` maps the objectives of ``objectives.gradient_estimators``::

        mapped = map_objective(vae_dreg_log_weights, StopGradientCopy(model))
        weights, batch_stats = mapped(variables, keys, x)  # each part [B, S]
        bound = dreg_bound(weights)  # [B]

    The copy's updates of running averages are dropped.
    """

    model: nn.Module

    def setup(self) -> None:
        """Take the model's variables as this module's own."""
        nn.share_scope(self, self.model)

    def generative(self, ctx: ApplyContext = EVALUATION) -> LiveAndStopped[Any]:
        """The generative callables, live and stop-gradient."""
        return LiveAndStopped(self.model.generative(ctx), self._stopped().generative(ctx))

    def inference(self, ctx: ApplyContext = EVALUATION) -> LiveAndStopped[Any]:
        """The inference callables, live and stop-gradient."""
        return LiveAndStopped(self.model.inference(ctx), self._stopped().inference(ctx))

    def _stopped(self) -> Any:
        variables = jax.lax.stop_gradient(self.model.variables)
        return self.model.clone(parent=None).bind(variables, mutable=["batch_stats"])

"""A workload's whole training step in PyTorch: draw noise, forward, backward, Adam."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import numpy as np
import torch
from torch import Tensor

from benchmarks.timing import warm_milliseconds
from benchmarks.training import SEED
from benchmarks.twins.beside import device_beside_jax, moved, wait_for
from benchmarks.twins.parameters import load_variables
from benchmarks.twins.shared_noise import context_aware_noise, statistician_noise, vae_noise
from benchmarks.twins.statistician_bound import Noise, statistician_bound
from benchmarks.twins.torch_context_aware import ContextAwareNoise, TorchContextAware
from benchmarks.twins.torch_statistician import TorchStatistician
from benchmarks.twins.torch_vae import TorchVAE
from benchmarks.workloads import Workload
from cal_jax.inference.mapping import Variables, dataset_keys

Form = Literal["eager", "channels_last", "compile", "compile_channels_last"]
FORMS: tuple[Form, ...] = ("eager", "channels_last", "compile", "compile_channels_last")
TWINS: dict[str, Any] = {
    "vae": TorchVAE,
    "statistician": TorchStatistician,
    "context_aware": TorchContextAware,
}


class Racer:
    """A twin in training, in one of PyTorch's forms, on the device that JAX uses.

    Adam is PyTorch's fused one, the quickest it has; memory of gradients is given
    back after each step, PyTorch's default. On a GPU what is compiled is kept as
    CUDA graphs (``reduce-overhead``): small models wait for launches there.

    Args:
        workload: the model, its data and its optimiser; one sample of each data set.
        variables: Flax's, that it starts from.
        form: eager, or compiled by ``torch.compile``; images in either layout.
    """

    def __init__(self, workload: Workload, variables: Variables, form: Form) -> None:
        self.workload = workload
        self.device = device_beside_jax()
        self.twin = TWINS[workload.name](workload.config, workload.model.event_shape).train()
        load_variables(self.twin, variables)
        self.twin = self.twin.to(self.device)
        if form.endswith("channels_last"):
            self.twin = self.twin.to(memory_format=torch.channels_last)
        self.data = [torch.tensor(array, device=self.device) for array in workload.data]
        self.optimiser = torch.optim.Adam(
            self.twin.parameters(), lr=workload.learning_rate, fused=True
        )
        self.loss: Callable[..., Tensor] = loss_of(workload, self.twin)
        if form.startswith("compile"):
            mode = "reduce-overhead" if self.device.type == "cuda" else None
            self.loss = torch.compile(self.loss, mode=mode)

    def first_metrics(self, rows: np.ndarray) -> dict[str, float]:
        """Loss and gradient norm of cal_jax's first step, with the noise that it draws.

        Args:
            rows: [B], those of that step.
        """
        key = jax.random.split(jax.random.fold_in(jax.random.key(SEED), 0))[1]
        keys = dataset_keys(key, 0, len(rows), 1)[:, 0]
        self.optimiser.zero_grad()
        noise = moved(noise_of(self.workload, keys), self.device)
        batch = torch.from_numpy(rows).long().to(self.device)
        loss = self.loss(*(array[batch] for array in self.data), noise)
        loss.backward()
        squares = [parameter.grad.square().sum().item() for parameter in self.twin.parameters()]
        return {"loss": loss.item(), "gradient_norm": sum(squares) ** 0.5}

    def take(self, rows: np.ndarray) -> None:
        """Take a step for each of rows [T, B]."""
        for batch in torch.from_numpy(rows).long().to(self.device):
            data = [array[batch] for array in self.data]
            loss = self.loss(*data, draw_noise(self.workload, data[0]))
            self.optimiser.zero_grad()
            loss.backward()
            if self.workload.clip is not None:
                torch.nn.utils.clip_grad_value_(self.twin.parameters(), self.workload.clip)
            self.optimiser.step()

    def milliseconds(self, rows: np.ndarray) -> float:
        """Of one step, over rows [T, B] after a pass over them that is not timed."""

        def take() -> None:
            self.take(rows)
            wait_for(self.device)

        return warm_milliseconds(take, len(rows))

    def adam_milliseconds(self, steps: int) -> float:
        """Of one step of the optimiser alone, with the last gradients, as ``milliseconds``."""

        def take() -> None:
            for _ in range(steps):
                self.optimiser.step()
            wait_for(self.device)

        return warm_milliseconds(take, steps)


def loss_of(workload: Workload, twin: Any) -> Callable[..., Tensor]:
    """(x, labels if any, noise) -> minus the weighted bound per item."""
    reconstruction, kl = float(workload.weights.reconstruction), float(workload.weights.of("kl"))

    def loss(*inputs: Any) -> Tensor:
        if workload.name == "statistician":
            bound = statistician_bound(twin, *inputs)
            kl_nats = bound.kl
        elif workload.name == "vae":
            bound = twin(inputs[0].flatten(1), inputs[1])
            kl_nats = bound.kl_latent
        else:
            bound = twin(*inputs)
            kl_nats = bound.kl
        weighted = reconstruction * bound.reconstruction - kl * kl_nats
        return -weighted.mean() / workload.shape.items

    return loss


def noise_of(workload: Workload, keys: jax.Array) -> Any:
    """The noise that cal_jax draws from keys [B]."""
    config, items = workload.config, workload.shape.items
    if workload.name == "vae":
        return vae_noise(config, keys)
    if workload.name == "statistician":
        return statistician_noise(config, items, keys)
    return context_aware_noise(config, items, keys)


def draw_noise(workload: Workload, x: Tensor) -> Any:
    """New noise for a batch x, from PyTorch's generator."""
    config = workload.config
    if workload.name == "vae":
        return torch.randn(len(x), config.latent_dim, device=x.device)
    if workload.name == "statistician":
        return Noise.draw(
            x,
            context_dim=config.context_dim,
            latent_dim=config.latent_dim,
            layers=config.layers,
        )
    return ContextAwareNoise.draw(x, config)

"""Baselines of the context-aware learner: the neural statistician, ML-VAE, GVAE and the VAE.

    python -m experiments.baselines --task rotated --model ml_vae --preset cpu --data-dir DIR

Each is trained on the data sets of ``experiments.rotated`` or ``black_and_white``, as wide
as the learner there, and judged by its oracle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cal_jax.cli import program
from cal_jax.models.components.decoders import DenseDecoder, MLPDecoder
from cal_jax.models.components.encoders import DenseEncoder, MLPEncoder
from cal_jax.models.components.group_posteriors import GroupStatistic
from cal_jax.models.group_vae import GroupVAEConfig
from cal_jax.models.vae import VAEConfig
from cal_jax.nn.hidden import Hidden
from cal_jax.training.config import TrainingConfig
from experiments import black_and_white, rotated
from experiments.baselines import pipeline as baselines
from experiments.baselines.config import MODELS, NAMES, TASKS, BaselineConfig
from experiments.common.image_sets_config import ROTATED_ORACLE, SMALL_ORACLE
from experiments.common.known_labels_config import KnownLabelsConfig

LEARNERS: Mapping[str, Mapping[str, KnownLabelsConfig]] = {
    "rotated": rotated.PRESETS,
    "black_and_white": black_and_white.PRESETS,
}

PRESETS = {
    "smoke": BaselineConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=GroupVAEConfig(
            GroupStatistic(64),
            context_dim=16,
            latent_dim=24,
            encoder=DenseEncoder(128),
            decoder=DenseDecoder(128),
            hidden=Hidden(64),
        ),
        image_size=14,
        training=TrainingConfig(steps=40, batch_size=16, kl_power=1, chunk_steps=20),
        oracle=SMALL_ORACLE,
        num_sets=160,
        test_sets=40,
        likelihood_every=20,
    ),
    "cpu": BaselineConfig(
        summary="some 5 minutes, for MNIST: as wide as the learner; its scores are published",
        training=TrainingConfig(
            steps=12_000,
            batch_size=16,
            learning_rate=2e-3,
            schedule="cosine",
            kl_power=1,
            chunk_steps=250,
        ),
        oracle=ROTATED_ORACLE,
    ),
}


def with_task(config: BaselineConfig, task: str) -> BaselineConfig:
    """The preset for another task, with its learner's oracle; tests keep their small one."""
    oracle = LEARNERS[task]["cpu"].oracle if config.oracle == ROTATED_ORACLE else config.oracle
    return replace(config, task=task, oracle=oracle)


def with_model(config: BaselineConfig, name: str) -> BaselineConfig:
    """The preset for another model of the same width, and of as many latent numbers an item.

    The statistician's criterion is the thesis's (5.14); that of the others is the bound.
    """
    model = config.model
    assert isinstance(model, GroupVAEConfig)
    if name == "statistician":
        return config
    plain = replace(config, training=replace(config.training, alpha=0.0))
    if name == "vae":
        assert isinstance(model.encoder, DenseEncoder)
        widths = (model.encoder.width,) * model.hidden.depth
        latent_dim = model.context_dim + model.latent_dim
        return replace(plain, model=VAEConfig(latent_dim, MLPEncoder(widths), MLPDecoder(widths)))
    (posterior,) = (kind for kind, own in NAMES.items() if own == name)
    grouped = replace(model, posterior=posterior(model.posterior.width), latent_sees_context=False)
    return replace(plain, model=grouped, group="digit")


CHOICES = (
    program.Choice("task", tuple(TASKS), "rotated", "which sets", with_task),
    program.Choice("model", MODELS, "statistician", "which model", with_model),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    description = __doc__.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(
            "experiments.baselines", description, PRESETS, arguments, choices=CHOICES
        ),
        baselines.run,
    )

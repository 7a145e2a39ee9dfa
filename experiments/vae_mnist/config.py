"""Configuration of the autoencoder with two latent dimensions (thesis 4.4)."""

from dataclasses import dataclass, field

from cal_jax.config import require_at_least
from cal_jax.data.binarise import BINARISATIONS
from cal_jax.errors import InputError
from cal_jax.models.vae import VAEConfig
from cal_jax.training.config import TrainingConfig


@dataclass(frozen=True)
class AutoencoderConfig:
    """Everything that decides a run but the seed and the images."""

    summary: str
    model: VAEConfig = field(default_factory=VAEConfig)
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            steps=93_750,
            batch_size=32,
            learning_rate=1e-3,
            alpha=0.0,
            chunk_steps=375,
        )
    )
    """50 epochs of 60,000 images in batches of 32."""
    image_size: int = 28
    """Pixels a side that images are resized to."""
    binarisations: tuple[str, ...] = BINARISATIONS
    """A model for each: static, dynamic, threshold (decision 5)."""
    redrawn: bool = False
    """Train ``static`` too on images drawn afresh at every visit, as ``dynamic`` always is; the
    test images stay what they are."""
    likelihood_samples: int = 5_000
    """Importance samples of each test image."""
    likelihood_images: int = 1_000
    """Test images whose importance-weighted bound is taken: a fixed random subset."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.binarisations if name not in BINARISATIONS]
        repeated = len(set(self.binarisations)) < len(self.binarisations)
        if unknown or repeated or not self.binarisations:
            raise InputError(
                f"binarisations must be some of {', '.join(BINARISATIONS)}, each once: "
                f"got {self.binarisations}"
            )
        if self.redrawn and "static" not in self.binarisations:
            raise InputError(
                f"redrawn is for static binarisation: binarisations are {self.binarisations}"
            )
        require_at_least(self, image_size=1, likelihood_samples=1, likelihood_images=1)
        if self.model.latent_dim != 2:
            raise InputError(
                f"model.latent_dim must be 2, to be drawn: got {self.model.latent_dim}"
            )

    def trained_as(self, binarisation: str) -> str:
        """How the training images are binarised of the model named after its test images'."""
        return "dynamic" if self.redrawn and binarisation == "static" else binarisation

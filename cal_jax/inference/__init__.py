"""Uses of a trained model: sampling, posteriors, evidence, weights."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=["weights"])

"""Context-aware learning in JAX: the public API, flat, each name loaded on first use.

The names are in ``__init__.pyi``. Importing an objective loads neither Flax
nor Optax, so that another project can take one pure function and nothing else.
"""

from typing import Any

import lazy_loader

_public, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    """A public name, or the version of the installed package."""
    if name == "__version__":
        from importlib.metadata import version

        return version("cal-jax")
    return _public(name)

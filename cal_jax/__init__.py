"""Context-aware learning in JAX: the public API, flat, each name loaded on first use.

The names are in ``__init__.pyi``. Importing an objective loads neither Flax
nor Optax, so that another project can take one pure function and nothing else.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

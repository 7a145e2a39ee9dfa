"""Scores as pure functions of arrays; none needs JAX.

The metrics of disentanglement are public here, each loaded on first use; the names are in
``__init__.pyi``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

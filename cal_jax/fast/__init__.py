"""CPU forms of the layers in ``nn``; ``cal_jax.fast(False)`` turns all of them off.

The module is callable (its class has a ``__call__``), so that the package and its switch
share one name. Only this package uses JAX's internals.
"""

import sys
import types

from cal_jax.fast.switch import enabled, use

__all__ = ["enabled", "use"]


class _Switch(types.ModuleType):
    def __call__(self, on: bool) -> None:
        """See ``switch.use``."""
        use(on)


sys.modules[__name__].__class__ = _Switch

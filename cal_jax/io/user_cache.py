"""Directory of cached files."""

import os
from pathlib import Path


def user_cache(name: str) -> Path:
    """``cal_jax/name`` in the user's cache: $XDG_CACHE_HOME if absolute, or ~/.cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "cal_jax" / name

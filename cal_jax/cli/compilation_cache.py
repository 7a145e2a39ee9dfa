"""The persistent compilation cache, with which later runs of a program start in seconds."""

import os
import sys
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from cal_jax.errors import InputError
from cal_jax.io.user_cache import user_cache

OFF = "off"


def keep_compiled(choice: str | None = None) -> Path | None:
    """Use a folder as the compilation cache and return it.

    The folder may be removed at any time. JAX's key of a program holds its
    version, the device and the flags, so several machines can share one.

    Args:
      choice: the folder; ``off``; None for JAX's configured folder
        (JAX_COMPILATION_CACHE_DIR), or else one in the user's cache.

    Returns:
      The folder; None without a cache: off, also by
      JAX_ENABLE_COMPILATION_CACHE=false too, or a default folder that cannot be
      written.

    Raises:
      InputError: the chosen folder cannot be written.
    """
    config: Any = jax.config  # its attributes are made when JAX is imported
    if choice == OFF or not config.jax_enable_compilation_cache:
        _use(None)
        return None
    folder = Path(choice or config.jax_compilation_cache_dir or user_cache("compiled"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(0, "it is read-only")
    except OSError as error:
        if choice is not None:
            raise InputError(
                f"--compilation-cache {choice}: cannot be written ({error.strerror}); "
                f"accepted: a folder, or {OFF}"
            ) from error
        print(f"compiled programs are not kept: {folder}: {error.strerror}", file=sys.stderr)
        _use(None)
        return None
    _use(folder)
    print(f"compiled programs are kept in {folder}", file=sys.stderr)
    return folder


def _use(folder: Path | None) -> None:
    jax.config.update("jax_compilation_cache_dir", None if folder is None else str(folder))
    # Many small programs take as long to compile as one large one.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    # JAX determines once, at its first compilation, whether there is a cache.
    compilation_cache.reset_cache()

"""Two CPU devices and no implicit broadcasting, for every test.

Most of a test's time is compilation, so XLA's slow optimisations are off:
what is computed is the same, and it compiles in half the time.
"""

import os
import tempfile

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")

import jax

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)
# Tests that compile one program twice read it the second time.
_cache = tempfile.TemporaryDirectory(prefix="cal_jax-tests-")
jax.config.update("jax_compilation_cache_dir", _cache.name)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)

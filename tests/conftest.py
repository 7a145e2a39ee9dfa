"""Two CPU devices and no implicit broadcasting, for every test.

Most of a test's time is compilation, so XLA's slow optimisations are off:
what is computed is the same, and it compiles in half the time. So it does once
more without XLA's newer way to emit fusions, where a flag turns that off.
"""

import gc
import os
import shutil
import tempfile

from tests.xla_flags import followed_by_own

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Programs that the tests compile, here and in other processes, stay out of the user's cache.
# They are kept in one of these tests' own, as one program is compiled by many of them.
if "CAL_JAX_TESTS" not in os.environ:
    os.environ["CAL_JAX_TESTS"] = tempfile.mkdtemp(prefix="cal_jax-tests-")
os.environ["JAX_COMPILATION_CACHE_DIR"] = os.environ["CAL_JAX_TESTS"]
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "true"
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "true"
os.environ["XLA_FLAGS"] = followed_by_own(os.environ.get("XLA_FLAGS", ""))

import jax

from cal_jax.cli.garbage import collect_rarely

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_cpu_enable_async_dispatch", False)


collect_rarely()


def pytest_collection_finish():
    """Leave what is imported out of every later collection."""
    gc.freeze()


def pytest_unconfigure(config):
    """Remove the compiled programs once, when the last test of any process is done."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop("CAL_JAX_TESTS"), ignore_errors=True)

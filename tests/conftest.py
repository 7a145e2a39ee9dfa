"""Two CPU devices and no implicit broadcasting, for every test.

Most of a test's time is compilation, so XLA's slow optimisations are off:
what is computed is the same, and it compiles in half the time. So it does once
more without XLA's newer way to emit fusions, where a flag turns that off.
"""

import gc
import os
import shutil
import tempfile
from importlib.metadata import version

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Programs that the tests compile, here and in other processes, stay out of the user's cache.
# They are kept in one of these tests' own, as one program is compiled by many of them.
if "CAL_JAX_TESTS" not in os.environ:
    os.environ["CAL_JAX_TESTS"] = tempfile.mkdtemp(prefix="cal_jax-tests-")
os.environ["JAX_COMPILATION_CACHE_DIR"] = os.environ["CAL_JAX_TESTS"]
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "true"
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "true"
# jaxlib 0.10.2 deadlocks on two cores when its scheduler starts two batched LAPACK
# calls at once (Gaussians of full covariance): each waits for the other's thread.
# Nothing here is large enough to gain from several threads either.
# jaxlib releases after 0.10.2 have no flag for fusions, and end a process that names it.
# They follow the caller's flags, of which XLA takes the last: a test process inherits them once.
FLAGS = (
    "--xla_cpu_enable_concurrency_optimized_scheduler=false --xla_cpu_multi_thread_eigen=false"
    + (" --xla_cpu_use_fusion_emitters=false" if version("jaxlib") == "0.10.2" else "")
)
if FLAGS not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {FLAGS}".strip()

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

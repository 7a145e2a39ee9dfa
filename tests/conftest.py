"""Two CPU devices and no implicit broadcasting, for every test.

Most of a test's time is compilation, so XLA's slow optimisations are off:
what is computed is the same, and it compiles in half the time.
"""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Programs that the tests compile, here and in other processes, stay out of the user's cache.
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
# jaxlib 0.10.2 deadlocks on two cores when its scheduler starts two batched LAPACK
# calls at once (Gaussians of full covariance): each waits for the other's thread.
# Nothing here is large enough to gain from several threads either.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_enable_concurrency_optimized_scheduler=false --xla_cpu_multi_thread_eigen=false",
)

import jax

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_enable_compilation_cache", False)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)
jax.config.update("jax_cpu_enable_async_dispatch", False)

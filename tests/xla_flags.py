"""The flags of XLA that every test runs with."""

from importlib.metadata import version

# jaxlib 0.10.2 deadlocks on two cores when its scheduler starts two batched LAPACK
# calls at once (Gaussians of full covariance): each waits for the other's thread.
# Nothing here is large enough to gain from several threads either.
# jaxlib releases after 0.10.2 have no flag for fusions, and end a process that names it.
FLAGS = (
    "--xla_cpu_enable_concurrency_optimized_scheduler=false --xla_cpu_multi_thread_eigen=false"
    + (" --xla_cpu_use_fusion_emitters=false" if version("jaxlib") == "0.10.2" else "")
)


def followed_by_own(given: str) -> str:
    """The flags of XLA_FLAGS, then those of the tests, of which XLA takes the last.

    A process of a test inherits them and adds none.
    """
    return f"{given.removesuffix(FLAGS).strip()} {FLAGS}".strip()

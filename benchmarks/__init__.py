"""Programs that measure; pytest does not collect them."""

from cal_jax.cli.huge_pages import restart_with_huge_pages

restart_with_huge_pages()

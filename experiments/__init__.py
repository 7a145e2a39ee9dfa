"""The thesis's experiments, one program each."""

from cal_jax.cli.huge_pages import restart_with_huge_pages

restart_with_huge_pages()

"""Pages whose tables are written from joined results, between markers."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically
from experiments.results.record import read_json, read_text
from experiments.results.tables import by_method, compared, single

_BLOCK = re.compile(
    r"(<!-- results:([\w.-]+(?: [\w.-]+)*(?: \|(?: \w+)+){0,2}) -->\n)(.*?)(<!-- /results:\2 -->)",
    re.DOTALL,
)


def gathered_tables(results: list[dict[str, Any]]) -> str:
    """One gathered result as a table, or several side by side."""
    return single(results[0]) if len(results) == 1 else compared(results)


def update_page(
    path: Path,
    results_dir: Path,
    *,
    check: bool = False,
    render: Callable[[list[dict[str, Any]]], str] = gathered_tables,
    command: str = "python -m experiments.results readme",
) -> bool:
    """Rewrites each text between `<!-- results:NAME -->` and `<!-- /results:NAME -->`.

    Several names, with blanks between them, are compared in one table. Names of scores after
    a bar, as in `NAME NAME | accuracy nmi`, are its only rows; the first must have them all.
    With two bars, as in `NAME | ridge mean | ssim_1 rmse_1`, the table of one result has a row
    for each method and a column for each measure: `ridge_ssim_1` and so on.

    Args:
        path: the README, or another page.
        results_dir: where `NAME.json` lies.
        check: only compare, and raise InputError where the text is out of date.
        render: the results between two markers as Markdown.
        command: what brings the page up to date, for the message.

    Returns:
        Whether the file was changed.
    """
    text = read_text(path)
    blocks = [match.group(2) for match in _BLOCK.finditer(text)]
    opened = re.findall(r"<!-- results:(.+?) -->", text)
    if not opened or blocks != opened or len(re.findall("<!-- /results:", text)) != len(opened):
        raise InputError(f"{path} needs pairs of <!-- results:NAME --> and <!-- /results:NAME -->")

    def block(match: re.Match[str]) -> str:
        names, rows, columns = [*match.group(2).split("|"), "", ""][:3]
        sources = [Path(results_dir) / f"{name}.json" for name in names.split()]
        results = [read_json(source) for source in sources]
        try:
            if columns:
                (one,) = results
                body = by_method(one, rows.split(), columns.split())
            else:
                body = render(_with_rows(results, rows.split()))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            paths = " or ".join(map(str, sources))
            raise InputError(f"{paths} is not a gathered result: {error!r}") from error
        return f"{match.group(1)}\n{body}\n{match.group(4)}"

    updated = _BLOCK.sub(block, text)
    if updated == text:
        return False
    if check:
        raise InputError(f"{path} is out of date: run {command}")
    write_atomically(path, updated.encode())
    return True


def _with_rows(results: list[dict[str, Any]], rows: Sequence[str]) -> list[dict[str, Any]]:
    """The results with these scores alone, in this order; with none named, as they are.

    Raises:
        KeyError: the first result lacks one; another may.
    """
    if not rows:
        return results
    first = results[0]["scores"]
    return [
        {**one, "scores": {name: one["scores"].get(name) for name in rows if first[name]}}
        for one in results
    ]

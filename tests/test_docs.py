"""The documents say what is so: the equation index, the map, the example, the tables."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

from experiments.results.pages import update_page

ROOT = Path(__file__).parent.parent
OTHER_ROOMS = ("experiments", "benchmarks", "launch")
CODE = ROOT / "cal_jax"
README = (ROOT / "README.md").read_text()
ROWS = re.findall(
    r"^\| ([^|]+) \| [^|]+ \| `([\w.]+)` \|$", (ROOT / "docs/equations.md").read_text(), re.M
)


def located(path):
    """The module or the member of a module that a dotted path names."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)


def test_the_index_has_every_equation_of_the_bounds():
    indexed = {equation for equation, _ in ROWS}
    assert {f"(4.{n})" for n in (3, 5, 7)} <= indexed
    assert {f"(5.{n})" for n in range(2, 15)} <= indexed
    assert {f"(6.{n})" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 13)} <= indexed


def names(source, equation):
    """Whether a source has an equation's number as the index writes it, or a range around it."""
    if not equation.startswith("("):
        return equation in source
    chapter, number = equation.strip("()").split(".")
    ranges = re.findall(r"\((\d+)\.(\d+)\)-\((\d+)\.(\d+)\)", source)
    return equation in source or any(
        first == last == chapter and int(low) <= int(number) <= int(high)
        for first, low, last, high in ranges
    )


@pytest.mark.parametrize(("equation", "path"), ROWS)
def test_every_row_of_the_index_names_code_that_names_the_equation(equation, path):
    assert names(inspect.getsource(located(path)), equation)


def test_a_missing_equation_would_be_noticed():
    assert names("(6.2)-(6.4)", "(6.3)")
    assert not names("(6.2)-(6.4) and 6.5", "(6.5)")


def test_the_map_lists_every_room_and_no_other():
    table = README.partition("## The house")[2]
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", table.partition("Data flows")[0]))
    named = {name if "/" in name else f"cal_jax/{name}" for name in named}
    folders = {
        f"{path.relative_to(ROOT)}/"
        for path in (*(ROOT / "cal_jax").iterdir(), *map(ROOT.joinpath, OTHER_ROOMS))
        if path.is_dir() and not path.name.startswith("_")
    }
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "cal_jax").glob("[!_]*.py")}
    assert named - folders - files == set()
    assert folders - named == set()
    assert files - named - {"cal_jax/axes.py", "cal_jax/errors.py"} == set()


def test_the_readme_s_example_runs_as_it_stands(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(re.findall(r"^\w", example, re.MULTILINE)) <= 10  # statements
    exec(compile(example, "README.md", "exec"), {})
    (elbo,) = re.findall(r"ContextAwareTerms\(elbo=Array\((-?[\d.]+)", capsys.readouterr().out)
    assert -1000 < float(elbo) < 0


def test_every_link_of_the_documents_leads_somewhere():
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_file_that_a_document_names_is_there():
    name = re.compile(r"`([a-z][a-z0-9_./-]+/[a-z][a-z0-9_.-]+\.(?:py|json|md))`")
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    named = {path for document in documents for path in name.findall(document.read_text())}
    assert len(named) > 20
    missing = [path for path in named if not any((top / path).exists() for top in (ROOT, CODE))]
    assert not missing


def test_the_readme_s_tables_are_those_of_the_results():
    assert not update_page(ROOT / "README.md", ROOT / "results", check=True)

"""The documents say what is so: the equation index, the map, the examples, the tables."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

from benchmarks.table import PAGE
from benchmarks.tables import tables
from cal_jax import metrics
from experiments.results.pages import gathered_tables, update_page

ROOT = Path(__file__).parent.parent
PROGRAMS = ("experiments", "benchmarks", "launch")
CODE = ROOT / "cal_jax"
README = (ROOT / "README.md").read_text()
DOCUMENTS = (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
PAGES = tuple(path for path in DOCUMENTS if "<!-- results:" in path.read_text())
BENCHMARKS = ROOT / PAGE
ROWS = re.findall(
    r"^\| ([^|]+) \| [^|]+ \| `([\w.]+)` \|$", (ROOT / "docs/models/equations.md").read_text(), re.M
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


def test_the_map_lists_every_package_and_no_other():
    table = README.partition("## Layout")[2]
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", table.partition("Data flows")[0]))
    named = {name if "/" in name else f"cal_jax/{name}" for name in named}
    folders = {
        f"{path.relative_to(ROOT)}/"
        for path in (*(ROOT / "cal_jax").iterdir(), *map(ROOT.joinpath, PROGRAMS))
        if path.is_dir() and not path.name.startswith("_")
    }
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "cal_jax").glob("[!_]*.py")}
    assert named - folders - files == set()
    assert folders - named == set()
    assert files - named - {"cal_jax/axes.py", "cal_jax/errors.py"} == set()


EXAMPLES = [
    (path, example)
    for path in DOCUMENTS
    for example in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
    if "context_aware_elbo(" in example or "vae_elbo(" in example
]


@pytest.mark.parametrize(
    ("path", "example"), EXAMPLES, ids=[str(path.relative_to(ROOT)) for path, _ in EXAMPLES]
)
def test_an_example_of_a_pure_objective_runs_as_it_stands(path, example, capsys):
    assert len(re.findall(r"^\w", example, re.MULTILINE)) <= 10  # statements
    exec(compile(example, path.name, "exec"), {})
    (elbo,) = re.findall(r"Terms\(elbo=Array\((-?[\d.]+)", capsys.readouterr().out)
    assert -1000 < float(elbo) < 0


def test_the_readme_and_the_learner_s_page_have_an_example_of_a_pure_objective():
    pages = {path.relative_to(ROOT).as_posix() for path, _ in EXAMPLES}
    assert pages == {"README.md", "docs/models/context_aware.md"}


METRICS = (ROOT / "docs/metrics.md").read_text()


def test_the_example_of_metrics_prints_what_it_says(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", METRICS, re.DOTALL)
    assert len(re.findall(r"^\w", example, re.MULTILINE)) <= 10  # statements
    exec(compile(example, "metrics.md", "exec"), {})
    printed = [f"{float(line):.2f}" for line in capsys.readouterr().out.split()]
    assert printed == re.findall(r"# (\d\.\d\d)$", example, re.MULTILINE)


def test_every_metric_is_in_the_table_of_metrics():
    functions = {name for name in metrics.__all__ if callable(getattr(metrics, name))}
    tabled = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|.*$", METRICS, re.MULTILINE))))
    assert {name for name in functions if name.islower()} <= tabled


def test_every_link_of_the_documents_leads_somewhere():
    for path in DOCUMENTS:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def headings(text):
    """The anchors of a page's headings, as GitHub writes them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_anchor_that_a_document_links_to_is_a_heading():
    for path in DOCUMENTS:
        text = path.read_text()
        for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#([^)]+)\)", text):
            page = (path.parent / target).read_text() if target else text
            assert anchor in headings(page), f"{path.name} links to {target}#{anchor}"


def test_every_file_that_a_document_names_is_there():
    name = re.compile(r"`([a-z][a-z0-9_./-]+/[a-z][a-z0-9_.-]+\.(?:py|json|md))`")
    history = {"CHANGELOG.md", "log.md"}
    named = {
        path
        for document in DOCUMENTS
        if document.name not in history
        for path in name.findall(document.read_text())
    }
    assert len(named) > 20
    missing = [path for path in named if not any((top / path).exists() for top in (ROOT, CODE))]
    assert not missing


def test_every_page_with_published_tables_is_one_that_make_writes():
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    (pages,) = re.findall(r"^PAGES := (.+)$", makefile, re.MULTILINE)
    written = {*map(ROOT.joinpath, pages.split()), BENCHMARKS}
    assert written == set(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_published_tables_are_those_of_the_results(page):
    render = tables if page == BENCHMARKS else gathered_tables
    assert not update_page(page, ROOT / "results", check=True, render=render)

"""What importing costs, who may import whom, and that every public name loads."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import cal_jax
from cal_jax.inference.sample import generate_set
from cal_jax.objectives.context_aware import (
    context_aware_elbo,
    context_aware_items,
    context_aware_items_given_contexts,
)
from cal_jax.training.task import OBJECTIVES

PACKAGE = Path(cal_jax.__file__).parent
ROOT = PACKAGE.parent
HEAVY = (
    "flax",
    "optax",
    "orbax",
    "tensorflow_datasets",
    "matplotlib",
    "sklearn",
    "rich",
    "tyro",
    "pooch",
)


def imports_of(path):
    """Modules named in a file's import statements, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


@pytest.mark.parametrize("name", cal_jax.__all__)
def test_every_public_name_loads(name):
    assert getattr(cal_jax, name) is not None


@pytest.mark.parametrize("model", [cal_jax.ContextAwareLearner, *OBJECTIVES])
def test_every_model_that_fit_trains_is_public_with_its_config(model):
    for name in (model.__name__, model.__annotations__["config"].__name__):
        assert name in cal_jax.__all__


def test_importing_an_objective_loads_nothing_heavy():
    program = (
        "import sys; from cal_jax import context_aware_elbo, diagonal_gaussian, generate_set;"
        "from cal_jax import neural_statistician_elbo, nested_bound, vae_elbo, dreg_bound;"
        f"print(*[name for name in {HEAVY} if name in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert output.stdout.strip() == ""


def test_a_first_bound_loads_no_distrax_and_takes_a_moment():
    """Gaussians and Bernoullis need none of it; the ceiling is many times what it takes."""
    program = """
import sys, time
start = time.monotonic()
import cal_jax, jax, jax.numpy as jnp
from types import SimpleNamespace as Callables
gaussian = lambda *shape: cal_jax.diagonal_gaussian(jnp.zeros(shape), jnp.zeros(shape))
generative = Callables(
    constant_prior=lambda a: gaussian(2, 3),
    varying_prior=lambda constants, a: gaussian(4, 2, 3),
    latent_prior=lambda contexts: gaussian(4, 5),
    likelihood=lambda z, contexts: cal_jax.bernoulli(jnp.zeros((4, 6)), 1),
)
inference = Callables(
    encode=lambda x: x,
    constant_contexts=lambda h, a, mask: gaussian(2, 3),
    varying_contexts=lambda h, constants, a: gaussian(4, 2, 3),
    latent=lambda h, contexts: gaussian(4, 5),
)
x, a = jnp.ones((4, 6)), jnp.array([1.0, 0.0])
terms = cal_jax.context_aware_elbo(jax.random.key(0), generative, inference, x, a)
assert abs(float(terms.elbo) + 24 * 0.6931) < 0.01, terms
print("distrax" in sys.modules, time.monotonic() - start)
"""
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded, seconds = output.stdout.split()
    assert loaded == "False"
    assert float(seconds) < 30


# What each package must not import; a later one may import an earlier one, never the reverse.
LATE = ("cal_jax.evaluation", "cal_jax.plots", "cal_jax.cli.main")


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("objectives", ("flax", "optax", "cal_jax.nn", "cal_jax.models", "cal_jax.training")),
        ("nn", ("optax", "distrax", "cal_jax.objectives", "cal_jax.models")),
        ("fast", ("optax", "distrax", "cal_jax.objectives", "cal_jax.models", "cal_jax.nn")),
        ("models", ("optax", "distrax", "cal_jax.training")),
        ("data", ("flax", "optax", "distrax", "cal_jax.nn", "cal_jax.models")),
        ("metrics", ("flax", "optax", "distrax", "cal_jax.models", "cal_jax.inference")),
        ("training", LATE),
        ("inference", LATE),
        ("evaluation", LATE[1:]),
        ("plots", LATE[2:]),
        (".", ("experiments", "benchmarks", "tests")),
    ],
)
def test_a_package_imports_earlier_ones_only(folder, forbidden):
    for path in (PACKAGE / folder).rglob("*.py"):
        wrong = [name for name in imports_of(path) if name.startswith(tuple(forbidden))]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


INTERNALS = ("jax.interpreters", "jax.extend", "jax._src", "jaxlib", "jax.custom_batching")


def test_fast_alone_uses_the_internals_of_jax():
    users = {
        p for p in PACKAGE.rglob("*.py") if any(n.startswith(INTERNALS) for n in imports_of(p))
    }
    assert users and {path.parent for path in users} == {PACKAGE / "fast"}


def test_one_module_imports_distrax_and_one_calls_pmap():
    users = {
        p for p in PACKAGE.rglob("*.py") if any(n.startswith("distrax") for n in imports_of(p))
    }
    assert users == {PACKAGE / "distributions.py"}
    mapped = {p for p in PACKAGE.rglob("*.py") if "jax.pmap(" in p.read_text()}
    assert mapped == {PACKAGE / "training" / "parallel.py"}


@pytest.mark.parametrize(
    "function",
    [
        context_aware_elbo,
        context_aware_items,
        context_aware_items_given_contexts,
        generate_set,
        cal_jax.vae_elbo,
        cal_jax.vae_log_weight,
        cal_jax.vae_dreg_log_weights,
        cal_jax.neural_statistician_elbo,
        cal_jax.neural_statistician_items,
        cal_jax.neural_statistician_log_weights,
        cal_jax.neural_statistician_dreg_log_weights,
        cal_jax.context_aware_log_weights,
        cal_jax.generate_items,
        cal_jax.label_elbo,
    ],
)
def test_the_key_comes_first_then_the_model(function):
    parameters = list(inspect.signature(function).parameters)
    assert parameters[:2] == ["key", "generative"]

"""Configs as nested dictionaries: what goes out comes back, and nothing else is read."""

import json
import sys
from dataclasses import replace

import pytest

from cal_jax.config import flatten, unflatten
from cal_jax.errors import InputError
from cal_jax.plain_config import from_plain, to_plain
from experiments import black_and_white, unsupervised, vae_mnist
from tests.configs import Attention, Config, Context, Model, Statistic, Turn

OTHER = Config(
    "other",
    Model((Context("a", Turn()),), Attention(3, Statistic(())), "none", skip=False),
    rate=1e-3,
    clip=2.0,
    parts=4,
)


@pytest.mark.parametrize(
    "config",
    [
        Config("default"),
        OTHER,
        replace(OTHER, model=replace(OTHER.model, contexts=())),
        *black_and_white.PRESETS.values(),
        *unsupervised.PRESETS.values(),
        *vae_mnist.PRESETS.values(),
    ],
)
def test_a_config_comes_back_from_json_nested_or_flat(config):
    for plain in (to_plain(config), unflatten(flatten(config))):
        assert from_plain(type(config), json.loads(json.dumps(plain))) == config


def test_a_part_of_a_flat_config_comes_back():
    assert from_plain(Model, unflatten(flatten(OTHER), "model.")) == OTHER.model
    with pytest.raises(InputError, match=r"b\.c: b has a value and fields"):
        unflatten({"b": 1, "b.c": 2})


def test_components_are_named_where_there_is_a_choice():
    plain = to_plain(OTHER)["model"]
    assert plain["posterior"]["kind"] == "Attention"
    assert plain["contexts"] == [{"name": "a", "action": {"kind": "Turn"}}]
    flat = flatten(OTHER)
    assert flat["model.posterior.kind"] == "Attention"
    assert flat["model.posterior.inner.kind"] == "Statistic"
    assert flat["model.posterior.inner.widths"] == []
    assert flat["model.contexts.0.action.kind"] == "Turn"
    assert flatten(Config(""))["model.contexts.0.action"] is None
    assert "model.kind" not in flat


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_target_": "os.system"}, "Config: unknown field _target_; accepted: summary, model"),
        ({"model": {"posterior": {"kind": "os.system"}}}, r"model\.posterior\.kind: 'os.system'; "),
        (
            {"model": {"posterior": {"kind": "Turn"}}},
            "kind: 'Turn'; accepted: Statistic, Attention",
        ),
        ({"model": {"posterior": {"heads": 1}}}, "kind: None; accepted: Statistic, Attention"),
        ({"model": {"posterior": {"kind": ["Statistic"]}}}, "kind: .'Statistic'.; accepted"),
        ({"model": {"posterior": None}}, r"model\.posterior: None; accepted: the fields of Stat"),
        ({"model": 3}, "model: 3; accepted: the fields of Model"),
        ({"model": {"contexts": [{"name": 3}]}}, r"model\.contexts\.0\.name: 3; accepted: str"),
        ({"model": {"contexts": 3}}, r"model\.contexts\.0: 3; accepted"),
        ({"model": {"posterior": {"kind": "Attention", "heads": 0}}}, "heads must be at least 1"),
        ({"model": {"norm": "group"}}, r"model\.norm: 'group'; accepted: one of batch, none"),
        ({"model": {"skip": 1}}, r"model\.skip: 1; accepted: bool"),
        ({"rate": float("nan")}, "rate: nan; accepted: float"),
        ({"rate": float("inf")}, "rate: inf; accepted: float"),
        ({"rate": 10**400}, "rate: 1000.*; accepted: float"),
        ({"rate": True}, "rate: True; accepted: float"),
        ({"clip": "2"}, "clip: '2'; accepted: float or None"),
        ({"steps": 2**63}, "steps: 9223372036854775808; accepted: int"),
        ({"steps": 1.0}, "steps: 1.0; accepted: int"),
        ({"steps": True}, "steps: True; accepted: int"),
        ({"steps": None}, "steps: None; accepted: int"),
        ({"model": {"posterior": {"kind": "Statistic", "widths": [1, "2"]}}}, "widths: .1, '2'.; "),
        ({"model": {"posterior": {"kind": "Statistic", "widths": 3}}}, r"accepted: tuple \(int, "),
    ],
)
def test_what_is_no_config_is_refused_in_one_line_and_nothing_is_imported(change, message):
    loaded = set(sys.modules)
    with pytest.raises(InputError, match=message) as refused:
        from_plain(Config, {"summary": "s", **change})
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300
    assert set(sys.modules) == loaded


def test_a_missing_field_has_its_default_or_is_named():
    assert from_plain(Config, {"summary": "s", "rate": 1}) == Config("s", rate=1.0)
    with pytest.raises(InputError, match="summary: missing; accepted: str"):
        from_plain(Config, {})

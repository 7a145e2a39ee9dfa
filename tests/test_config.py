"""Overrides by dotted name are typed; flat configs compare."""

import json
from dataclasses import dataclass, field
from typing import Literal

import pytest

from cal_jax.config import differences, flatten, omit_default, override
from cal_jax.errors import InputError


@dataclass(frozen=True)
class Inner:
    steps: int = 10
    rate: float = 0.1
    norm: Literal["batch", "none"] = "batch"
    widths: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Outer:
    name: str = "x"
    inner: Inner = field(default_factory=Inner)


def test_fields_are_replaced_by_their_dotted_names():
    assignments = [
        "inner.steps=3",
        "inner.rate=1",
        "inner.norm=none",
        "inner.widths=(4,)",
        "name=y",
    ]
    changed = override(Outer(), assignments)
    assert changed == Outer("y", Inner(3, 1.0, "none", (4,)))
    assert isinstance(changed.inner.rate, float)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("inner.steps", "NAME=VALUE"),
        ("inner.stops=3", "no such field; accepted are steps, rate, norm, widths"),
        ("inner=3", "name one field of it"),
        ("name.first=3", "name one field of it"),
        ("inner.steps=1.5", "accepted is int"),
        ("inner.steps=True", "accepted is int"),
        ("inner.norm=group", "one of batch, none"),
        ("inner.widths=(1.5,)", "accepted is tuple"),
        ("inner.rate=__import__('os').getcwd()", "accepted is float"),
    ],
)
def test_what_does_not_fit_is_refused(assignment, message):
    with pytest.raises(InputError, match=message):
        override(Outer(), [assignment])


def test_a_flat_config_survives_json_and_names_what_changed():
    flat = flatten(Outer())
    assert flat["inner.widths"] == [1, 2]
    assert json.loads(json.dumps(flat)) == flat
    changed = flatten(override(Outer(), ["inner.steps=3"]))
    assert differences(flat, flat) == []
    assert differences(flat, changed) == ["inner.steps was 10, is 3"]
    assert differences({}, {"a": 1}) == ["a was '(absent)', is 1"]


def test_a_quiet_field_is_part_of_the_flat_config_only_where_it_is_changed():
    @dataclass(frozen=True)
    class Config:
        steps: int = 1
        parts: int = omit_default(1)

    assert flatten(Config()) == {"steps": 1}
    assert flatten(override(Config(), ["parts=2"])) == {"steps": 1, "parts": 2}
    with pytest.raises(InputError, match="accepted are steps, parts"):
        override(Config(), ["part=2"])

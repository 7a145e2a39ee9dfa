"""Flat configs: what they hold, what they leave out, and how two differ."""

import json
from dataclasses import dataclass

from cal_jax.config import differences, flatten, omit_default
from tests.configs import Config


def test_a_flat_config_survives_json_and_names_what_changed():
    flat = flatten(Config("s"))
    assert flat["model.posterior.widths"] == [4, 5]
    assert json.loads(json.dumps(flat)) == flat
    changed = flatten(Config("s", steps=3))
    assert differences(flat, flat) == []
    assert differences(flat, changed) == ["steps was 10, is 3"]
    assert differences({}, {"a": 1}) == ["a was '(absent)', is 1"]


def test_an_omitted_field_is_part_of_the_flat_config_only_where_it_is_changed():
    @dataclass(frozen=True)
    class Small:
        steps: int = 1
        parts: int = omit_default(1)

    assert flatten(Small()) == {"steps": 1}
    assert flatten(Small(parts=2)) == {"steps": 1, "parts": 2}

"""Every field of a config is a flag with the preset's value as its default; errors are a line."""

import io
import shlex
import sys
from dataclasses import replace

import pytest

from cal_jax.cli import program
from cal_jax.errors import InputError
from tests.configs import Attention, Config, Context, Model, Statistic, Turn

PRESETS = {"smoke": Config("for tests"), "other": Config("for others", rate=0.25)}
LONGER = program.Choice(
    "pace",
    ("slow", "fast"),
    "slow",
    "Of it.",
    lambda c, pace: replace(c, steps=10 if pace == "slow" else 5),
)


def asked(words, **options):
    return program.request("experiments.some", "For tests.", PRESETS, words.split(), **options)


@pytest.mark.parametrize(
    ("words", "model", "changes"),
    [
        ("", {}, {}),
        ("--preset other", {}, {"rate": 0.25}),
        ("--rate 1 --steps=3 --parts 2", {}, {"rate": 1.0, "steps": 3, "parts": 2}),
        ("--clip 2 --clip None", {}, {"clip": None}),
        ("--clip 2", {}, {"clip": 2.0}),
        ("--model.skip False --model.norm none", {"skip": False, "norm": "none"}, {}),
        ("--model.posterior.widths 7 8 9", {"posterior": Statistic((7, 8, 9))}, {}),
        ("--model.posterior.widths --steps 3", {"posterior": Statistic(())}, {"steps": 3}),
        ("--model.posterior.kind Attention", {"posterior": Attention()}, {}),
        (
            "--model.posterior.inner.widths 1 --model.posterior.kind=Attention "
            "--model.posterior.inner.kind Statistic --model.posterior.heads 3",
            {"posterior": Attention(3, Statistic((1,)))},
            {},
        ),
        (
            "--model.contexts.0.action.kind Turn --model.contexts.1.action.kind None "
            "--model.contexts.0.name a",
            {"contexts": (Context("a", Turn()), Context("rotation"))},
            {},
        ),
    ],
)
def test_flags_change_fields_and_the_command_has_those_that_differ(words, model, changes):
    request = asked(words)
    wanted = replace(PRESETS[request.preset], model=replace(Model(), **model), **changes)
    assert request.config == wanted
    assert isinstance(request.config.rate, float)
    assert request.as_preset == (wanted == PRESETS[request.preset])
    _, _, module, *again = shlex.split(request.command)
    assert module == "experiments.some"
    assert asked(shlex.join(again)) == request


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--step 3", "--step.*meant: --steps INT"),
        ("--steps 1.5", "^--steps: 1.5: accepted is int; accepted: --steps INT$"),
        ("--steps True", "--steps: True: accepted is int"),
        ("--steps", "Missing value for argument '--steps'"),
        ("--rate nan", "--rate: nan: accepted is float"),
        ("--rate -inf", "--rate: -inf: accepted is float"),
        ("--clip 1e400", r"--clip: .*accepted: --clip \{None\}|FLOAT"),
        ("--rate __import__('os').getcwd()", "--rate: .*: accepted is float"),
        ("--model.norm group", "^--model.norm group; accepted: batch, none$"),
        ("--model.skip maybe", "--model.skip"),
        ("--model.posterior.widths 1 x", "--model.posterior.widths: .*'x'.*accepted: --model"),
        ("--model.posterior.heads 3", "Unrecognized options: --model.posterior.heads"),
        (
            "--model.posterior.kind Turn",
            "^--model.posterior.kind Turn; accepted: Stati.*Attention$",
        ),
        ("--model.posterior.kind Attention --model.posterior.heads 0", "^heads must be at least 1"),
        ("--model.other.kind Turn", "Unrecognized options: --model.other.kind"),
        (
            "--summary x",
            "Unrecognized options: --summary, x; accepted: the flags that --help lists",
        ),
        ("--preset huge", "^--preset huge: accepted are smoke, other$"),
        ("--seed -1", "^--seed -1: accepted are 0 to 2.32 - 1$"),
        ("--held-back -1", "^--held-back -1: accepted are 0 and above$"),
        ("more", "Unrecognized options: more"),
    ],
)
def test_a_bad_flag_is_named_in_one_line(words, message):
    with pytest.raises(InputError, match=message) as refused:
        asked(words)
    assert "\n" not in str(refused.value) and "│" not in str(refused.value)


def test_the_line_is_the_same_in_a_terminal_without_utf_8(monkeypatch):
    said = []
    for encoding in ("utf-8", "ascii"):
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding))
        for words in ("--steps 1.5", "--model.norm group", "--clip x", "--st 3", "--weights w"):
            with pytest.raises(InputError) as refused:
                asked(words)
            said.append(str(refused.value))
    assert said[:5] == said[5:]


def test_negative_numbers_are_values():
    assert asked("--rate -1.5 --clip -2").config.rate == -1.5


def test_a_choice_is_applied_before_the_flags_of_fields():
    assert asked("--pace fast", choices=[LONGER]).config.steps == 5
    request = asked("--pace fast --steps 7", choices=[LONGER])
    assert request.config.steps == 7
    assert request.command.endswith("--pace fast --preset smoke --seed 0 --steps 7")
    with pytest.raises(InputError, match="--pace none: accepted are slow, fast"):
        asked("--pace none", choices=[LONGER])


def test_help_has_every_field_with_the_preset_s_value_and_what_classes_there_are(capsys):
    with pytest.raises(SystemExit) as end:
        asked("--preset other --model.posterior.kind Attention --help")
    assert not end.value.code
    said = " ".join(capsys.readouterr().out.split())
    for text in (
        "smoke for tests",
        "other for others",
        "--rate FLOAT Of learning. (default: 0.25)",
        "--model.posterior.kind {Statistic,Attention}",
        "--model.posterior.heads INT",
        "--model.contexts.1.action.kind {Turn,None}",
        "--parts INT (default: 1)",
    ):
        assert text in said.replace("│ ", ""), text
    assert "--summary" not in said and "--weights" not in said and "--data-dir" in said


def test_flags_of_images_are_those_of_programs_that_read_them():
    with pytest.raises(InputError, match="--data-dir"):
        asked("--data-dir d", images=False)
    with pytest.raises(InputError, match="--held-back"):
        asked("--data-dir d --held-back 3", images=False, data=True)
    other = asked("--data-dir d", images=False, data=True)
    assert (str(other.data_dir), other.held_back) == ("d", 0)
    assert "--data-dir DIR" in other.command
    assert str(asked("--weights w", weights=True).weights) == "w"
    with pytest.raises(InputError, match="--weights"):
        asked("", weights=True)

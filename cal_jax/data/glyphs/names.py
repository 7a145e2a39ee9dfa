"""What a face is called and how it looks, by the tables of its own font file."""

from typing import Any, NamedTuple

WEIGHTS = ("thin", "light", "regular", "medium", "bold", "black")
SLANTS = ("upright", "italic")
WIDTHS = ("condensed", "normal", "expanded")

MAX_LENGTH = 200
"""Characters kept of a name."""

_UPPER_LIMITS = (250, 350, 450, 650, 850)
"""Of the weight classes of all but the heaviest weight."""

_FAMILY, _FULL, _LICENCE, _LICENCE_URL, _TYPOGRAPHIC_FAMILY = 1, 4, 13, 14, 16
_BOLD_SELECTION, _ITALIC_SELECTIONS = 1 << 5, 1 | 1 << 9


class Names(NamedTuple):
    """A face's description."""

    family: str
    """Typographic family (name 16), else the family (name 1)."""
    name: str
    """Full name (name 4), else the family's."""
    weight: str
    """One of ``WEIGHTS``."""
    slant: str
    """One of ``SLANTS``."""
    width: str
    """One of ``WIDTHS``."""
    licence: str
    """Licence (name 13), else its URL (name 14); may be empty."""


def read_names(tables: Any, fallback: str) -> Names:
    """Read a face's description.

    Args:
        tables: ``fontTools.ttLib.TTFont``.
        fallback: the family of a font that names none, such as its file's name.
    """
    family = _name(tables, _TYPOGRAPHIC_FAMILY) or _name(tables, _FAMILY) or fallback
    return Names(
        family=family,
        name=_name(tables, _FULL) or family,
        weight=_weight(tables),
        slant=_slant(tables),
        width=_width(tables),
        licence=_name(tables, _LICENCE) or _name(tables, _LICENCE_URL),
    )


def plain(text: str) -> str:
    """Text in one line of printable characters, at most ``MAX_LENGTH``."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words[:MAX_LENGTH].strip()


def _name(tables: Any, number: int) -> str:
    text = tables["name"].getDebugName(number) if "name" in tables else None
    return plain(text or "")


def _weight(tables: Any) -> str:
    """By the weight class; a regular that the font's flags call bold is bold."""
    value = tables["OS/2"].usWeightClass if "OS/2" in tables else 400
    value = value * 100 if 1 <= value <= 9 else value  # Windows 3.1 counted 1 to 9
    place = sum(value >= limit for limit in _UPPER_LIMITS) if value else WEIGHTS.index("regular")
    if WEIGHTS[place] in ("regular", "medium") and value <= 500 and _flags(tables)[0]:
        return "bold"
    return WEIGHTS[place]


def _slant(tables: Any) -> str:
    angle = tables["post"].italicAngle if "post" in tables else 0
    return SLANTS[bool(angle) or _flags(tables)[1]]


def _width(tables: Any) -> str:
    value = tables["OS/2"].usWidthClass if "OS/2" in tables else 5
    return WIDTHS[1 if not 1 <= value <= 9 else (value > 4) + (value > 5)]


def _flags(tables: Any) -> tuple[bool, bool]:
    """(bold, italic), as either table has it."""
    style = tables["head"].macStyle if "head" in tables else 0
    selection = tables["OS/2"].fsSelection if "OS/2" in tables else 0
    return (
        bool(style & 1 or selection & _BOLD_SELECTION),
        bool(style & 2 or selection & _ITALIC_SELECTIONS),
    )

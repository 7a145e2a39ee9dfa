"""The program ``python -m cal_jax.data.glyphs``: fonts read, checked, drawn and embedded.

python -m cal_jax.data.glyphs read --fonts FONTS --out glyphs.npz
python -m cal_jax.data.glyphs sheet glyphs.npz --out sheet.png
"""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from cal_jax.cli.flags import parse
from cal_jax.cli.program import exit_code
from cal_jax.data.glyphs.archive import load_glyphs, save_glyphs
from cal_jax.data.glyphs.embedded import EMBEDDED, embed
from cal_jax.data.glyphs.glyphs import Glyphs
from cal_jax.data.glyphs.published import CORPUS, check_corpus, published_fonts, write_corpus
from cal_jax.data.glyphs.read import read_fonts
from cal_jax.data.glyphs.refusals import REASONS
from cal_jax.data.glyphs.render import LETTERS
from cal_jax.data.glyphs.sheet import draw_sheet
from cal_jax.errors import InputError


@dataclass(frozen=True)
class Read:
    """Render a folder of fonts, and print which are refused."""

    fonts: Path
    """Folder, with those inside it."""
    out: Path
    """File to write, .npz."""
    letters: str = LETTERS
    """To render: some of A-Z and a-z."""


@dataclass(frozen=True)
class Check:
    """Compare a folder of fonts with the published corpus."""

    fonts: Path
    """Folder, with those inside it."""


@dataclass(frozen=True)
class Sheet:
    """Draw a contact sheet of rendered faces."""

    glyphs: tyro.conf.Positional[Path]
    """File that ``read`` wrote."""
    out: Path
    """PNG to write."""
    most: int = 60
    """Faces, evenly spread."""


@dataclass(frozen=True)
class Publish:
    """Write the list of the corpus from extracted packages."""

    fonts: Path
    """Folder of packages: dpkg-deb -R NAME.deb FOLDER/NAME."""
    out: Path = CORPUS
    """File to write, .csv."""


@dataclass(frozen=True)
class Embed:
    """Write the embedded faces and their licences from extracted packages."""

    fonts: Path
    """Folder of packages: dpkg-deb -R NAME.deb FOLDER/NAME."""
    out: Path = EMBEDDED
    """File to write, .npz; the licences are written beside it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    verbs: Any = (
        Annotated[Read, tyro.conf.subcommand("read")]
        | Annotated[Check, tyro.conf.subcommand("check")]
        | Annotated[Sheet, tyro.conf.subcommand("sheet")]
        | Annotated[Publish, tyro.conf.subcommand("publish")]
        | Annotated[Embed, tyro.conf.subcommand("embed")]
    )
    actions: dict[type, Callable[[Any], None]] = {
        Read: _read,
        Check: _check,
        Sheet: _sheet,
        Publish: _publish,
        Embed: _embed,
    }

    def program() -> None:
        name = "python -m cal_jax.data.glyphs"
        asked: Any = parse(verbs, arguments, prog=name, description="Data of typefaces.")
        actions[type(asked)](asked)

    return exit_code(program)


def refusal_table(glyphs: Glyphs) -> str:
    """The refused files, each with its reason, under the count of each reason."""
    counts = Counter(refusal.reason for refusal in glyphs.refusals)
    lines = [f"{counts[r]:5}  {r}: {meaning}" for r, meaning in REASONS.items() if counts[r]]
    width = max((len(refusal.reason) for refusal in glyphs.refusals), default=0)
    lines += [f"{one.reason:{width}}  {one.file}  ({one.detail})" for one in glyphs.refusals]
    return "\n".join(lines)


def _counted(glyphs: Glyphs) -> str:
    return f"{len(glyphs.faces)} faces, {len(glyphs.families)} families"


def _read(flags: Read) -> None:
    glyphs = read_fonts(flags.fonts, flags.letters)
    save_glyphs(flags.out, glyphs)
    if glyphs.refusals:
        print(refusal_table(glyphs))
    print(f"{flags.out}: {_counted(glyphs)}; {len(glyphs.refusals)} fonts refused")


def _check(flags: Check) -> None:
    fonts = published_fonts()
    missing, other = check_corpus(flags.fonts, fonts)
    for file in other:
        print(f"not of the corpus  {file}")
    if missing:
        first = missing[0]
        raise InputError(
            f"{flags.fonts}: {len(missing)} of {len(fonts)} fonts missing, {first.path} of "
            f"{first.package} {first.version}; accepted: those of {CORPUS.name}"
        )
    print(f"{flags.fonts}: all {len(fonts)} fonts of the corpus, and {len(other)} others")


def _sheet(flags: Sheet) -> None:
    print(draw_sheet(flags.out, load_glyphs(flags.glyphs), flags.most))


def _publish(flags: Publish) -> None:
    count = write_corpus(flags.out, flags.fonts, read_fonts(flags.fonts))
    print(f"{flags.out}: {count} fonts")


def _embed(flags: Embed) -> None:
    table = flags.out.with_name(f"{flags.out.stem}_licences.csv")
    chosen = embed(flags.fonts, read_fonts(flags.fonts), flags.out, table)
    print(f"{flags.out}: {_counted(chosen)}, {flags.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    sys.exit(main())

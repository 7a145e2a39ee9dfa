import hashlib
import re

import numpy as np
import pytest

from cal_jax.data.glyphs.__main__ import main
from cal_jax.data.glyphs.archive import load_glyphs
from cal_jax.data.glyphs.clones import clone_groups
from cal_jax.data.glyphs.embedded import (
    EMBEDDED,
    FACES,
    FAMILIES,
    LICENCES,
    embedded,
    embedded_licences,
)
from cal_jax.data.glyphs.packages import packages
from cal_jax.data.glyphs.published import check_corpus, published_fonts
from cal_jax.data.glyphs.render import LETTERS
from cal_jax.errors import InputError
from tests.data.glyphs.fonts import rectangles_of, write_font

DIGEST = "9f3696f3509c9c6fada9048a6b3e30c765ca49e59676453eedf14726705c3020"
COPYRIGHT = """Files: *
Copyright: 2020 A Designer
  and another
License: OFL-1.1
 Words.

Files: fonts/odd*.ttf
Copyright: 2021 Another
License: AGPL-3

Files: debian/*
Copyright: 2022 A Packager
License: GPL-2+
"""


def test_the_embedded_faces():
    glyphs = embedded()
    assert glyphs.letters == LETTERS and len(glyphs.families) == 41 <= FAMILIES
    assert len(glyphs.faces) == 107 and EMBEDDED.stat().st_size < 2e6
    assert hashlib.sha256(glyphs.items.tobytes()).hexdigest() == DIGEST
    assert set(np.unique(glyphs.items)) == set(range(0, 256, 17))
    assert len(clone_groups(glyphs)) == 41
    counts = [sum(face.family == family for face in glyphs.faces) for family in glyphs.families]
    assert max(counts) == FACES


def test_each_embedded_family_has_its_licence_and_holder():
    of_family = {row.family: row for row in embedded_licences()}
    glyphs = embedded()
    assert tuple(sorted(of_family)) == glyphs.families
    for family, row in of_family.items():
        faces = [face.name for face in glyphs.faces if face.family == family]
        assert row.faces.split("; ") == faces
        assert row.licence in LICENCES and row.copyright
        assert all(
            face.file.startswith(f"{row.package}/")
            for face in glyphs.faces
            if face.family == family
        )


def test_the_published_corpus_lists_the_embedded_faces():
    fonts = published_fonts()
    read = {f"{font.package}/{font.path}": font for font in fonts if not font.refused}
    for face in embedded().faces:
        font = read[face.file]
        assert (font.family, font.weight, font.slant) == (face.family, face.weight, face.slant)
    assert len({(font.package, font.path) for font in fonts}) == len(fonts)
    assert all(len(font.sha256) == 64 and font.licence and font.version for font in fonts)


@pytest.fixture
def extracted(tmp_path):
    """A package with a font under the OFL and one under the AGPL."""
    root = tmp_path / "packages" / "fonts-boxes"
    for folder in ("DEBIAN", "usr/share/doc/fonts-boxes", "fonts"):
        (root / folder).mkdir(parents=True)
    (root / "DEBIAN/control").write_text("Package: fonts-boxes\nVersion: 1-2\nSection: fonts\n")
    (root / "usr/share/doc/fonts-boxes/copyright").write_text(COPYRIGHT)
    write_font(root / "fonts/boxes.ttf", rectangles_of(-1))
    write_font(root / "fonts/odd.ttf", rectangles_of(-20), family="Odd")
    (root / "fonts/broken.TTF").write_text("none")
    return tmp_path / "packages"


def test_terms_are_those_of_the_file(extracted):
    (package,) = packages(extracted)
    assert package[:2] == ("fonts-boxes", "1-2")
    assert package.terms_of("fonts/boxes.ttf")[1:] == ("OFL-1.1", "2020 A Designer")
    assert package.terms_of("fonts/odd.ttf")[1:] == ("AGPL-3", "2021 Another")


def test_copyright_in_prose(extracted):
    path = extracted / "fonts-boxes/usr/share/doc/fonts-boxes/copyright"
    path.write_text("Copyright (C) 2003 Someone\n\nUnder the GNU General\nPublic License.")
    assert packages(extracted)[0].terms_of("a")[1:] == ("GPL", "Copyright (C) 2003 Someone")
    path.write_text("Free")
    with pytest.raises(InputError, match="copyright: no licence found; accepted: Files, Copyright"):
        packages(extracted)
    path.unlink()
    with pytest.raises(InputError, match="copyright: no such file; accepted"):
        packages(extracted)


def test_packages_that_are_refused(extracted):
    control = extracted / "fonts-boxes/DEBIAN/control"
    control.write_text("Package: fonts-boxes\nVersion: 1\nSection: non-free/fonts\n")
    with pytest.raises(InputError, match="section non-free/fonts; accepted: of Debian's main"):
        packages(extracted)
    control.write_text("Package: other\nVersion: 1\n")
    with pytest.raises(InputError, match="package 'other' in fonts-boxes; accepted"):
        packages(extracted)
    with pytest.raises(InputError, match="no package; accepted: packages, each extracted by"):
        packages(extracted / "fonts-boxes")


def test_a_folder_is_compared_by_digest(extracted):
    font = published_fonts()[0]._replace(sha256="0" * 64)
    found = check_corpus(extracted, [font])
    assert found.missing == (font,)
    assert found.other == tuple(
        f"fonts-boxes/fonts/{n}" for n in ("boxes.ttf", "broken.TTF", "odd.ttf")
    )


def test_the_program_reads_draws_and_embeds(extracted, tmp_path, capsys):
    out, sheet, few = (str(tmp_path / name) for name in ("a.npz", "a.png", "few.npz"))
    assert main(["read", "--fonts", str(extracted), "--out", out]) == 0
    said = capsys.readouterr().out
    assert "1  broken file: " in said and "2 faces, 2 families; 1 fonts refused" in said
    assert len(load_glyphs(tmp_path / "a.npz").faces) == 2
    assert main(["sheet", out, "--out", sheet]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert main(["embed", "--fonts", str(extracted), "--out", few]) == 0
    assert "1 faces, 1 families" in capsys.readouterr().out
    table = (tmp_path / "few_licences.csv").read_text().splitlines()
    assert table[1:] == ["Boxes,Boxes Regular,fonts-boxes,OFL-1.1,2020 A Designer"]


def test_the_program_publishes(extracted, tmp_path, capsys):
    (extracted / "fonts-boxes/fonts/broken.TTF").unlink()
    out = tmp_path / "corpus.csv"
    assert main(["publish", "--fonts", str(extracted), "--out", str(out)]) == 0
    assert "2 fonts" in capsys.readouterr().out
    lines = out.read_text().splitlines()
    assert lines[1].startswith("fonts-boxes,1-2,fonts/boxes.ttf,")
    assert lines[2].endswith("Odd,Odd Regular,regular,upright,normal,AGPL-3,")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["check", "--fonts", "{}"], "fonts missing, .*accepted: those of corpus.csv"),
        (["read", "--fonts", "{}/none", "--out", "a"], "not a folder; accepted"),
        (["read", "--fonts", "{}", "--out", "a", "--letters", "1"], "letters '1'; accepted"),
        (["sheet", "{}/none.npz", "--out", "a"], "cannot be read"),
        (["sheet", "{}/none.npz"], "out"),
    ],
)
def test_bad_input_ends_the_program_with_one_line(extracted, capsys, words, reason):
    assert main([word.format(extracted) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    assert re.search(reason, said)

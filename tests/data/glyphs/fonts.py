"""Small fonts for tests: letters made of rectangles."""

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from cal_jax.data.glyphs.embedded import embedded
from cal_jax.data.glyphs.render import LETTERS

UNIT = 30
"""Units of the font that a pixel of an embedded letter becomes."""

BASELINE = 24
"""Row of an embedded letter that stands on the baseline."""


def rectangles_of(face, letters=LETTERS):
    """An embedded face's letters as rectangles (left, bottom, right, top), a run of pixels each."""
    made, items = {}, embedded().items[face]
    for letter in letters:
        made[letter] = []
        for row, pixels in enumerate(items[LETTERS.index(letter)] > 127):
            edges = [c for c in range(33) if (c > 0 and pixels[c - 1]) != (c < 32 and pixels[c])]
            top = (BASELINE - row) * UNIT
            for left, right in zip(edges[::2], edges[1::2], strict=True):
                made[letter].append((left * UNIT, top - UNIT, right * UNIT, top))
    return made


def write_font(
    path,
    rectangles,
    *,
    family="Boxes",
    style="Regular",
    weight=400,
    width=5,
    angle=0,
    selection=0x40,
    names=None,
    panose=0,
    symbol=False,
    flavor=None,
):
    """Write a font of letters made of rectangles; returns its path."""
    order = [".notdef", *rectangles]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap({ord(letter): letter for letter in rectangles})
    glyphs = {}
    for name in order:
        pen = TTGlyphPen(None)
        for left, bottom, right, top in rectangles.get(name, []):
            pen.moveTo((left, bottom))
            for corner in ((left, top), (right, top), (right, bottom)):
                pen.lineTo(corner)
            pen.closePath()
        glyphs[name] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({name: (1000, glyphs[name].xMin) for name in order})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    named = {"familyName": family, "styleName": style, "fullName": f"{family} {style}"}
    builder.setupNameTable(named | (names or {}))
    builder.setupOS2(usWeightClass=weight, usWidthClass=width, fsSelection=selection)
    builder.font["OS/2"].panose.bFamilyType = panose
    builder.setupPost(italicAngle=angle)
    if symbol:
        builder.font["cmap"].tables = builder.font["cmap"].tables[-1:]
        builder.font["cmap"].tables[0].platformID = 3
        builder.font["cmap"].tables[0].platEncID = 0
    builder.font.flavor = flavor
    builder.save(path)
    return path

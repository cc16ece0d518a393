"""Gives each letter a glyph of its own, so that what is copied out of a document is what was written in it.

Typefaces often draw the space and the no-break space with one glyph: a PDF maps a glyph to one text only, so one of the
two would be lost. Adds also the narrow no-break space, the no-break hyphen, and U+FFFD as an empty box."""

import copy
import sys

from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

source, target = sys.argv[1:]
font = TTFont(source)
cmap = font.getBestCmap()
glyf, hmtx, order = font["glyf"], font["hmtx"], font.getGlyphOrder()


def add(name, glyph, metrics):
    order.append(name)
    font.setGlyphOrder(order)
    glyf.glyphs[name] = glyph
    glyf.glyphOrder = order
    hmtx.metrics[name] = metrics


def give(codepoint, glyph_name):
    for table in font["cmap"].tables:
        if table.isUnicode() and (codepoint < 0x10000 or table.format == 12):
            table.cmap[codepoint] = glyph_name


seen = set()
for codepoint in sorted(cmap):
    name = cmap[codepoint]
    if name in seen:
        own = "own%04X" % codepoint
        add(own, copy.deepcopy(glyf[name]), hmtx.metrics[name])
        give(codepoint, own)
    seen.add(name)

space = hmtx.metrics[cmap[0x20]][0]
for codepoint, like, width in [(0x00A0, 0x20, space), (0x202F, 0x20, round(space * 0.7)), (0x2011, 0x2D, None), (0x2010, 0x2D, None)]:
    if codepoint not in cmap:
        own = "own%04X" % codepoint
        add(own, copy.deepcopy(glyf[cmap[like]]), (width, 0) if width else hmtx.metrics[cmap[like]])
        give(codepoint, own)

height = font["OS/2"].sCapHeight or round(font["head"].unitsPerEm * 0.65)
thick, left, wide = round(height * 0.06), round(height * 0.12), round(height * 0.75)
pen = TTGlyphPen(None)
for inset, turn in [(0, 1), (thick, -1)]:
    x0, y0, x1, y1 = left + inset, inset, left + wide - inset, height - inset
    corners = [(x0, y0), (x0, y1), (x1, y1), (x1, y0)][::turn]
    pen.moveTo(corners[0])
    for corner in corners[1:]:
        pen.lineTo(corner)
    pen.closePath()
if 0xFFFD not in cmap:
    add("ownFFFD", pen.glyph(), (wide + 2 * left, left))
    give(0xFFFD, "ownFFFD")
font["maxp"].numGlyphs = len(order)
font["post"].formatType = 3.0
font.save(target)

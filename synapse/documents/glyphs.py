"""Text that the print fonts cannot write: other scripts as pictures of their words, everything else by its name.

The renderer neither joins Arabic letters nor orders Devanagari signs, and prints nothing for a letter it lacks. So a
word in one of these scripts is drawn by Pillow, which does both, and a sign without any font is named in brackets:
what was written is never lost without a word.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

# Not from the settings: the process that lays out PDFs knows none.
FONTS = Path(__file__).resolve().parents[2] / "static" / "fonts" / "print"
PRINT_FONTS = ("serif-400.ttf", "serif-620.ttf", "sans-400.ttf", "sans-650.ttf")
LONGEST_WORD = 48  # letters; a longer one would run over the edge of the page
POINTS = 10.5
PIXELS_PER_POINT = 4  # about 290 dots an inch
INK = (20, 33, 29, 255)
# A right-to-left run is one picture a line: pictures beside each other would be read in the wrong order.
WIDEST_LINE_POINTS = 235

_DEVANAGARI = "\u0900-\u097f\ua8e0-\ua8ff\u1cd0-\u1cff"
_ARABIC = "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff"
_HEBREW = "\u0590-\u05ff\ufb1d-\ufb4f"
_JOINERS = "\u200c\u200d"
_TEXT = re.compile(r"(?<=>)[^<>]+(?=<)")
_LONG = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
_INVISIBLE = {
    "Cf",
    "Cc",
    "Mn",
    "Sk",
}  # direction marks, joiners, variation selectors, skin tones: nothing by themselves


@dataclass(frozen=True)
class Script:
    """A script with a font of its own."""

    font: str
    run: str
    is_right_to_left: bool = False


def _script(name: str, letters: str, *, is_right_to_left: bool = False) -> Script:
    word = f"[{letters}][{letters}{_JOINERS}]*"
    run = f"{word}(?: {word})*" if is_right_to_left else word
    return Script(f"script-{name}.ttf", f"{run} ?", is_right_to_left)


SCRIPTS = (
    _script("devanagari", _DEVANAGARI),
    _script("arabic", _ARABIC, is_right_to_left=True),
    _script("hebrew", _HEBREW, is_right_to_left=True),
)
_RUN = re.compile("|".join(f"(?P<s{number}>{script.run})" for number, script in enumerate(SCRIPTS)))


def fit_html(html: str) -> str:
    """Return a rendered HTML document whose text the print fonts can write."""
    head, body, rest = html.partition("<body")
    return head + body + _TEXT.sub(lambda found: _fit(found.group(0)), rest)


def _fit(text: str) -> str:
    if text.isascii() and not _LONG.search(text):
        return text
    plain = _LONG.sub(lambda found: " ".join(_cut(found.group(0))), unescape(text))
    parts, at = [], 0
    for found in _RUN.finditer(plain):
        parts.append(escape(_named(plain[at : found.start()])))
        script = SCRIPTS[int(str(found.lastgroup)[1:])]
        parts.append(_pictures(found.group(0), script))
        at = found.end()
    return "".join([*parts, escape(_named(plain[at:]))])


def _cut(word: str) -> Iterator[str]:
    for start in range(0, len(word), LONGEST_WORD):
        yield word[start : start + LONGEST_WORD]


def _named(text: str) -> str:
    """Name what no print font has: an emoji becomes `[grinning face]`."""
    return text if text.isascii() else "".join(map(_name, unicodedata.normalize("NFC", text)))


@lru_cache(maxsize=4096)
def _name(letter: str) -> str:
    if letter.isascii() or ord(letter) in _printable_letters():
        return letter
    if unicodedata.category(letter) in _INVISIBLE:
        return ""
    if unicodedata.category(letter) == "Zs":
        return " "
    return f"[{unicodedata.name(letter, f'U+{ord(letter):04X}').lower()}]"


@lru_cache(maxsize=1)
def _printable_letters() -> frozenset[int]:
    """Return the letters that every print font has."""
    from reportlab.pdfbase.ttfonts import TTFontFile

    letters = [set(TTFontFile(str(FONTS / name)).charToGlyph) for name in PRINT_FONTS]
    return frozenset(set.intersection(*letters))


def _pictures(run: str, script: Script) -> str:
    if not script.is_right_to_left:
        return _picture_tag(run, script.font)
    lines = [""]
    font = _font(script.font)
    for word in run.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > WIDEST_LINE_POINTS * PIXELS_PER_POINT:
            lines.append(word)
        else:
            lines[-1] = longer
    end = " " if run.endswith(" ") else ""
    return "<br>".join(_picture_tag(f"{line}{end}", script.font) for line in lines)


@lru_cache(maxsize=len(SCRIPTS))
def _font(name: str) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(FONTS / name, int(POINTS * PIXELS_PER_POINT))


@lru_cache(maxsize=512)
def _picture_tag(words: str, font_name: str) -> str:
    """Return an `img` with the words drawn in the size of the text around them, and the space after them."""
    from PIL import Image, ImageDraw

    font = _font(font_name)
    ascent, descent = font.getmetrics()
    space = int(font.getlength(" ")) if words.endswith(" ") else 0
    width, height = int(font.getlength(words.strip())) + PIXELS_PER_POINT + space, ascent + descent
    picture = Image.new("RGBA", (width, height), (255, 255, 255, 0))
    ImageDraw.Draw(picture).text((0, 0), words.strip(), font=font, fill=INK)
    output = BytesIO()
    picture.save(output, "PNG")
    size = f"width:{width / PIXELS_PER_POINT:.1f}pt;height:{height / PIXELS_PER_POINT:.1f}pt"
    data = b64encode(output.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" style="{size};vertical-align:text-bottom">'

"""Small helpers over python-docx, whose import costs most of a second and is therefore done on use."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from synapse.documents.text import printable

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph
    from docx.text.run import Run

BODY_FONT = "Georgia"
SMALL_POINTS = 8
BODY_POINTS = 11
INK = (0x14, 0x21, 0x1D)
MUTED = (0x5D, 0x6B, 0x66)


def new_document(*, title: str) -> Document:
    """Return an empty A4 document; `title` becomes a property that file managers show: no patient's name in it."""
    import docx
    from docx.shared import Mm, Pt

    document = docx.Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(20)
    normal = document.styles["Normal"]
    normal.font.name = BODY_FONT
    normal.font.size = Pt(BODY_POINTS)
    properties = document.core_properties
    properties.title, properties.author, properties.comments = title, "SynapseAI", ""
    return document


def add_text(paragraph: Paragraph, text: str, *, bold: bool = False, small: bool = False, raised: bool = False) -> Run:
    """Add a run of text, `raised` as a superscript."""
    from docx.shared import Pt, RGBColor

    run = paragraph.add_run(printable(text))
    run.bold = bold
    run.font.superscript = raised or None
    if small:
        run.font.size = Pt(SMALL_POINTS)
        run.font.color.rgb = RGBColor(*MUTED)
    return run


def add_heading(document: Document, text: str, *, level: int) -> Paragraph:
    """Add a heading in ink instead of the default theme's blue."""
    from docx.shared import RGBColor

    heading: Paragraph = document.add_heading(printable(text), level=level)
    for run in heading.runs:
        run.font.name = BODY_FONT
        run.font.color.rgb = RGBColor(*INK)
    return heading


def add_page_number(paragraph: Paragraph) -> None:
    """Add "Page 1 of 2" as fields the word processor fills in."""
    add_text(paragraph, "Page ", small=True)
    _add_field(paragraph, "PAGE")
    add_text(paragraph, " of ", small=True)
    _add_field(paragraph, "NUMPAGES")


def _add_field(paragraph: Paragraph, instruction: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    run: Any = add_text(paragraph, "", small=True)._r
    for kind, text in (("begin", ""), ("", instruction), ("end", "")):
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        else:
            element.text = text
        run.append(element)


def to_bytes(document: Document) -> bytes:
    """Return the finished file."""
    output = BytesIO()
    document.save(output)
    return output.getvalue()

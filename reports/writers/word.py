"""DOCX: the same document with styles a word processor can change."""

from base64 import b64decode
from io import BytesIO
from typing import Any

from reports.printing.printed import NOT_DISCUSSED, Block, Paragraph, PrintedReport, Signature, Table, Words
from reports.writers.plain import head_lines
from synapse.documents import docx

LOGO_MILLIMETRES = 14


def word_document(printed: PrintedReport) -> bytes:
    """Return a report as a Word file."""
    document = docx.new_document(title=printed.title)
    if printed.draft_words:
        head = document.sections[0].header.paragraphs[0]
        docx.add_text(head, printed.draft_words.upper(), bold=True)
    _write_head(document, printed)
    for block in printed.blocks:
        _write_block(document, block)
    for signature in printed.signatures:
        _write_signature(document, signature)
    for note in printed.written_notes:
        docx.add_text(document.add_paragraph(), note, small=True)
    footer = document.sections[0].footer.paragraphs[0]
    docx.add_text(footer, f"{printed.footer} · ", small=True)
    docx.add_page_number(footer)
    return docx.to_bytes(document)


def _write_head(document: Any, printed: PrintedReport) -> None:
    if printed.header.logo:
        from docx.shared import Mm

        picture = BytesIO(b64decode(printed.header.logo.partition(",")[2]))
        document.add_picture(picture, height=Mm(LOGO_MILLIMETRES))
    first, *others = head_lines(printed.header)
    lines = document.add_paragraph()
    docx.add_text(lines, first, bold=True)
    for line in others:
        docx.add_text(lines, f"\n{line}")
    docx.add_heading(document, printed.title, level=1)
    facts = document.add_table(rows=0, cols=2)
    for fact in printed.facts:
        cells = facts.add_row().cells
        docx.add_text(cells[0].paragraphs[0], fact.label, small=True)
        docx.add_text(cells[1].paragraphs[0], fact.value)
    for notice in printed.notices:
        paragraph = document.add_paragraph()
        docx.add_text(paragraph, f"{notice.label} ", bold=True)
        docx.add_text(paragraph, notice.text, bold=notice.is_warning)


def _write_block(document: Any, block: Block) -> None:
    docx.add_heading(document, block.title, level=block.level + 1)
    if block.is_not_discussed:
        docx.add_text(document.add_paragraph(), f"{NOT_DISCUSSED}.")
    for paragraph in block.paragraphs:
        _write_paragraph(document, paragraph)
    if block.table:
        _write_table(document, block.table)


def _write_paragraph(document: Any, paragraph: Paragraph) -> None:
    written = document.add_paragraph(style="List Bullet" if paragraph.is_list_item else None)
    for words in paragraph.sentences:
        _write_words(written, words, bold=paragraph.is_heading)


def _write_words(paragraph: Any, words: Words, *, bold: bool = False) -> None:
    docx.add_text(paragraph, f"{words.text} ", bold=bold)
    if words.sources:
        docx.add_text(paragraph, f"{','.join(map(str, words.sources))} ", raised=True)


def _write_table(document: Any, table: Table) -> None:
    written = document.add_table(rows=1, cols=len(table.columns), style="Table Grid")
    for cell, column in zip(written.rows[0].cells, table.columns, strict=True):
        docx.add_text(cell.paragraphs[0], column, bold=True)
    for row in table.rows:
        for cell, words in zip(written.add_row().cells, row, strict=True):
            _write_words(cell.paragraphs[0], words)


def _write_signature(document: Any, signature: Signature) -> None:
    paragraph = document.add_paragraph()
    docx.add_text(paragraph, signature.name, bold=True)
    for line in signature.lines:
        docx.add_text(paragraph, f"\n{line}")
    if signature.content_hash:
        docx.add_text(paragraph, f"\nSHA-256 {signature.content_hash}", small=True)

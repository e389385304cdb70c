"""Plain text and Markdown."""

import re
from collections.abc import Iterator

from reports.printing.printed import NOT_DISCUSSED, Block, Paragraph, PrintedReport, Table, Words
from reports.printing.rendering import Header
from synapse.documents.text import printable

# What Markdown reads as markup wherever it stands, and what it reads so at the beginning of a line.
_MARKUP = re.compile(r"([\\`*_\[\]<>&|~])")
_LINE_START = re.compile(r"^(\s*)([#+=-]|\d+[.)])", re.MULTILINE)


def plain_text(printed: PrintedReport) -> bytes:
    """Return a report as UTF-8 text; source numbers stand in square brackets."""
    lines = [f"{printed.draft_words.upper()}.", ""] if printed.draft_words else []
    lines += [*head_lines(printed.header), "", printed.title, ""]
    lines += [f"{fact.label}: {fact.value}" for fact in printed.facts]
    lines += [f"{notice.label} {notice.text}" for notice in printed.notices]
    for block in printed.blocks:
        lines += ["", *_plain_block(block)]
    for signature in printed.signatures:
        lines += ["", signature.name, *signature.lines]
        lines += [f"SHA-256 {signature.content_hash}"] if signature.content_hash else []
    lines += ["", *printed.written_notes, printed.footer]
    return (printable("\n".join(lines)) + "\n").encode()


def markdown(printed: PrintedReport) -> bytes:
    """Return a report as Markdown; what a sentence says stays words, whatever it looks like."""
    lines = [f"**{printed.draft_words.upper()}.**", ""] if printed.draft_words else []
    lines += [f"{_escape(line)}  " for line in head_lines(printed.header)]
    lines += ["", f"# {_escape(printed.title)}", ""]
    lines += [f"{fact.label}: {_escape(fact.value)}  " for fact in printed.facts]
    for notice in printed.notices:
        lines += ["", f"**{notice.label}** {_escape(notice.text)}"]
    for block in printed.blocks:
        lines += ["", f"{'#' * (block.level + 1)} {_escape(block.title)}", "", *_markdown_body(block)]
    for signature in printed.signatures:
        lines += ["", "---", "", f"**{_escape(signature.name)}**  "]
        lines += [f"{_escape(line)}  " for line in signature.lines]
        lines += [f"SHA-256 {signature.content_hash}"] if signature.content_hash else []
    for note in (*printed.written_notes, printed.footer):
        lines += ["", _escape(note)]
    return (printable("\n".join(lines)) + "\n").encode()


def head_lines(header: Header) -> list[str]:
    """Return clinic, how to reach it, and who wrote."""
    contact = ", ".join(part for part in (*header.address.splitlines(), header.contact) if part)
    return [line for line in (header.clinic, contact, header.full_name) if line]


def _plain_block(block: Block) -> Iterator[str]:
    if block.is_not_discussed:
        yield f"{block.title}: {NOT_DISCUSSED}."
        return
    yield block.title if block.level > 1 else f"{block.title}\n{'-' * min(len(block.title), 72)}"
    for paragraph in block.paragraphs:
        text = " ".join(_with_sources(words) for words in paragraph.sentences)
        yield f"• {text}" if paragraph.is_list_item else text
    if block.table:
        for row in block.table.rows:
            yield f"• {_row_in_words(block.table, row)}"


def _row_in_words(table: Table, row: list[Words]) -> str:
    """Write a table row in one line: the first cell names it, the others carry their column's name."""
    others = [
        f"{column}: {_with_sources(cell)}"
        for column, cell in zip(table.columns[1:], row[1:], strict=True)
        if cell.text or cell.sources
    ]
    return "; ".join([_with_sources(row[0]), *others])


def _with_sources(words: Words) -> str:
    numbers = f" [{', '.join(map(str, words.sources))}]" if words.sources else ""
    return f"{words.text}{numbers}"


def _markdown_body(block: Block) -> Iterator[str]:
    if block.is_not_discussed:
        yield f"*{NOT_DISCUSSED}.*"
    for paragraph in block.paragraphs:
        yield _markdown_paragraph(paragraph)
        yield ""
    if block.table:
        yield f"| {' | '.join(_escape(column) for column in block.table.columns)} |"
        yield f"|{' --- |' * len(block.table.columns)}"
        for row in block.table.rows:
            yield f"| {' | '.join(_markdown_words(cell).replace(chr(10), '<br>') for cell in row)} |"


def _markdown_paragraph(paragraph: Paragraph) -> str:
    text = " ".join(_markdown_words(words) for words in paragraph.sentences)
    if paragraph.is_list_item:
        return f"- {text}"
    return f"**{text}**" if paragraph.is_heading else text


def _markdown_words(words: Words) -> str:
    numbers = f" <sup>{','.join(map(str, words.sources))}</sup>" if words.sources else ""
    return f"{_escape(words.text)}{numbers}"


def _escape(text: str) -> str:
    escaped = _LINE_START.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", text))
    return escaped.replace("\n", "  \n")

"""Read a CSV file as other systems and spreadsheets write them: encodings, separators, what Excel adds."""

import csv
import io
from dataclasses import dataclass

from synapse.common.errors import DomainError

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 10_000
MOST_COLUMNS = 80
LONGEST_CELL = 5000
SEPARATORS = (",", ";", "\t")


class BadFile(DomainError):
    """The file is none that can be read, with what to do about it."""

    code = "bad_file"


@dataclass(frozen=True)
class Table:
    """The headings and rows of a file; each row is its number in the file and its cells, one a heading."""

    headings: list[str]
    rows: list[tuple[int, list[str]]]


def decode(data: bytes, *, most_bytes: int = MOST_BYTES) -> str:
    """Return the text of a file in UTF-8, UTF-16 or Windows-1252. Raises BadFile."""
    if not data.strip():
        raise BadFile("This file is empty. Choose the file with your data.")
    if len(data) > most_bytes:
        raise BadFile(f"This file is larger than {most_bytes // 1024 // 1024} MB. Split it into several files.")
    if data[:4] == b"PK\x03\x04" or data[:4] == b"\xd0\xcf\x11\xe0":
        raise BadFile("This is a spreadsheet file. Save it as CSV in your spreadsheet program, then choose that file.")
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return _decoded(data, "utf-16")
    if data[:200].count(b"\x00") > len(data[:200]) // 4:
        return _decoded(data, "utf-16-le" if data[1:2] == b"\x00" else "utf-16-be")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _decoded(data, "cp1252")


def read_table(text: str, *, most_rows: int = MOST_ROWS) -> Table:
    """Return the rows under the headings of a text; empty rows are left out. Raises BadFile."""
    separator, text = _separator_of(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    headings: list[str] = []
    rows = []
    try:
        for number, cells in enumerate(lines, start=1):
            cells = [_plain(cell) for cell in cells]
            if not any(cells):
                continue
            if not headings:
                headings = _headings(cells)
                continue
            if any(len(cell) > LONGEST_CELL for cell in cells):
                raise BadFile(f"Row {number} has a cell of more than {LONGEST_CELL:,} characters. Shorten it.")
            rows.append((number, [*cells, *[""] * len(headings)][: max(len(headings), len(cells))]))
            if len(rows) > most_rows:
                raise BadFile(f"This file has more than {most_rows:,} rows. Split it into several files.")
    except csv.Error:
        raise BadFile("This file cannot be read as CSV. Save it as CSV again, with quotes around text.") from None
    if not rows:
        raise BadFile("There are no rows under the headings. The first row must name the columns.")
    return Table(headings, rows)


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding).lstrip("\ufeff")
    except UnicodeDecodeError:
        raise BadFile("The letters of this file cannot be read. Save it as CSV in UTF-8.") from None


def _separator_of(text: str) -> tuple[str, str]:
    """Return what separates the cells, and the text without Excel's `sep=;` line."""
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) <= 5:
        return first.strip()[4:] or "\t", rest
    outside_quotes = "".join(first.split('"')[::2])
    return max(SEPARATORS, key=outside_quotes.count), text


def _plain(cell: str) -> str:
    """Return a cell without the spaces around it and Excel's ways of keeping a number a text: ="0123" and '0123."""
    cell = cell.replace("\xa0", " ").replace("\x00", "").strip()
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2:
        return cell[2:-1].strip()
    return cell[1:] if cell.startswith("'") and cell[1:2] in set("0123456789+=-@") else cell


def _headings(cells: list[str]) -> list[str]:
    """Return the headings; one without a name or with a name used before gets a number."""
    if len(cells) > MOST_COLUMNS:
        raise BadFile(f"This file has more than {MOST_COLUMNS} columns. Keep those you need.")
    headings: list[str] = []
    for place, cell in enumerate(cells, start=1):
        name = cell or f"Column {place}"
        headings.append(name if name not in headings else f"{name} ({place})")
    return headings

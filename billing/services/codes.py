"""Take a code table in from a file: CSV, or the text files CMS publishes of ICD-10-CM.

Words and minutes of codes that are there are replaced, a column that is missing leaves them; no code is ever deleted,
since bills use them. The same file twice changes nothing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from billing import permissions
from billing.codes import lookup as codes
from billing.codes.words import search_words
from billing.models import Code, CodeImport
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common import jobs
from synapse.common.csv_reading import BadFile, decode, read_table
from synapse.common.errors import Conflict

System = Code.System
TAKE_IN = "billing.code_tasks.take_codes_in"
MOST_BYTES = 24 * 1024 * 1024  # the whole order file of ICD-10-CM has 15 MB
MOST_ROWS = 120_000
LONGEST_WORDS = 200
BATCH = 2000  # codes in one unit of work: other writers come in between
OTHER_NAMES = {
    "description": "words",
    "long_description": "words",
    "text": "words",
    "minimum": "minimum_minutes",
    "maximum": "maximum_minutes",
    "is_retired": "retired",
    "use": "replaced_by",
}
YES, NO = {"yes", "y", "true", "1", "x"}, {"", "no", "n", "false", "0"}
# icd10cm-order: number of 5, code of 7, 1 for a code that can be billed, short words up to column 77, long ones behind.
ORDER_LINE = re.compile(r"^\d{5} ([A-Z][0-9A-Z]{2,6}) +([01]) ")
LONG_WORDS_AT = 77
# icd10cm-codes: the code without its point, spaces, the words.
CODES_LINE = re.compile(r"^([A-Z][0-9][0-9A-Z][0-9A-Z]{0,4})\s+(\S.*)$")


@dataclass(frozen=True)
class CodeRow:
    """One row of a file; None is a column the file does not have."""

    number: int
    code: str
    words: str
    minimum_minutes: int | None = None
    maximum_minutes: int | None = None
    is_retired: bool | None = None
    retired_in: int | None = None
    replaced_by: str | None = None
    has_minutes: bool = False


@dataclass
class CodeFile:
    """What a file holds: good rows, bad ones as number, cell and reason, and how many were headings of the list."""

    rows: list[CodeRow] = field(default_factory=list)
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    headings: int = 0


@dataclass(frozen=True)
class Comparison:
    """How a file stands to the table."""

    new: int
    changed: int
    same: int


class BadRow(Exception):
    """A row cannot be taken, and why."""


def read_text(data: bytes) -> str:
    """Return the text of a file in UTF-8, UTF-16 or Windows-1252. Raises BadFile."""
    return decode(data, most_bytes=MOST_BYTES)


def parse(system: str, text: str) -> CodeFile:
    """Return the rows of a file, each code once. Raises BadFile when there is nothing to read."""
    first = text.lstrip().split("\n", 1)[0].rstrip()
    if system == System.ICD10 and ORDER_LINE.match(first):
        found = _parse_order_file(text)
    elif system == System.ICD10 and CODES_LINE.match(first) and "," not in first.split()[0]:
        found = _parse_codes_file(text)
    else:
        found = _parse_csv(system, text)
    if len(found.rows) > MOST_ROWS:
        raise BadFile(f"This file has more than {MOST_ROWS:,} codes. Split it into several files.")
    return _each_once(found)


def compare(system: str, rows: Sequence[CodeRow]) -> Comparison:
    """Count what an import would add, change and leave."""
    held = _held(system)
    states = [_state(row, held.get(row.code)) for row in rows]
    return Comparison(states.count("new"), states.count("changed"), states.count("same"))


def import_codes(system: str, rows: Sequence[CodeRow], *, by: User | None, at: datetime) -> Comparison:
    """Put the rows into the table; `by` None is the operator of the machine. Raises NotAllowed."""
    if by is not None:
        permissions.check_can_set_prices(by)
    held = _held(system)
    states = {row.code: _state(row, held.get(row.code)) for row in rows}
    waiting = [_code(system, row, held.get(row.code), at) for row in rows if states[row.code] != "same"]
    for start in range(0, len(waiting), BATCH):
        with audit.unit_of_work():
            Code.objects.bulk_create(
                waiting[start : start + BATCH],
                update_conflicts=True,
                unique_fields=["system", "code"],
                update_fields=[*VALUES, "is_imported", "rank", "search_words", "updated_at"],
            )
    counts = list(states.values())
    done = Comparison(counts.count("new"), counts.count("changed"), counts.count("same"))
    if waiting:
        with audit.unit_of_work():
            detail = {"verb": "import_codes", "system": system, "new": done.new, "changed": done.changed}
            audit.record(Action.ADMINISTER, by=by, target=("billing.Code", system), detail=detail)
    return done


def store_code(code: Code, *, by: User, fields: Iterable[str]) -> None:
    """Save one code that somebody corrected by hand. Raises NotAllowed."""
    permissions.check_can_set_prices(by)
    code.search_words = search_words(code.code, code.words)
    shipped = Code.Rank.IMPORTED if code.rank == Code.Rank.IMPORTED else Code.Rank.SHIPPED
    code.rank = Code.Rank.RETIRED if code.is_retired else shipped
    with audit.unit_of_work():
        code.save()
        audit.record(Action.ADMINISTER, by=by, target=code, detail={"verb": "change_code", "fields": sorted(fields)})


def stage(system: str, data: bytes, *, by: User, at: datetime) -> CodeImport:
    """Keep an uploaded file until somebody has looked at it. Raises NotAllowed and BadFile."""
    permissions.check_can_set_prices(by)
    text = read_text(data)
    found = parse(system, text)
    with audit.unit_of_work():
        # One file of a person waits at a time; the trail knows of those that were taken in.
        CodeImport.objects.filter(imported_by=by, started_at=None).delete()
        staged = CodeImport.objects.create(
            system=system, content=text, imported_by=by, row_count=len(found.rows), error_count=len(found.problems)
        )
        audit.record(Action.CREATE, by=by, target=staged, detail={"verb": "stage_codes", "system": system})
    return staged


def start(staged: CodeImport, *, by: User, at: datetime) -> None:
    """Have a staged file taken in by the worker: the whole list takes it some ten seconds. Raises Conflict."""
    permissions.check_can_set_prices(by)
    with audit.unit_of_work():
        staged = _waiting(staged)
        staged.started_at = at
        staged.save(update_fields=["started_at", "updated_at"])
        audit.record(Action.ADMINISTER, by=by, target=staged, detail={"verb": "start_codes", "system": staged.system})
        jobs.enqueue(TAKE_IN, staged.pk, by_id=by.pk, key=f"codes {staged.pk}")


def apply(import_id: UUID, *, at: datetime) -> None:
    """Take a started file in and drop its text; done twice, or after an interruption, nothing is done again."""
    staged = CodeImport.objects.select_related("imported_by").get(pk=import_id)
    if staged.applied_at is not None:
        return
    rows = parse(staged.system, staged.content).rows
    done = import_codes(staged.system, rows, by=staged.imported_by, at=at)
    with audit.unit_of_work():
        staged.applied_at = at
        staged.content = ""
        staged.new_count, staged.changed_count = done.new, done.changed
        staged.save(update_fields=["applied_at", "content", "new_count", "changed_count", "updated_at"])


def discard(staged: CodeImport, *, by: User) -> None:
    """Give up a file that nobody took in. Raises NotAllowed, and Conflict when it was."""
    permissions.check_can_set_prices(by)
    with audit.unit_of_work():
        staged = _waiting(staged)
        audit.record(Action.DELETE, by=by, target=staged, detail={"verb": "discard_codes", "system": staged.system})
        staged.delete()


def _waiting(staged: CodeImport) -> CodeImport:
    staged = CodeImport.objects.select_for_update().get(pk=staged.pk)
    if staged.started_at is not None:
        raise Conflict("This file is taken in already.")
    return staged


VALUES = ("words", "minimum_minutes", "maximum_minutes", "is_retired", "retired_in", "replaced_by")
Held = tuple[str, int | None, int | None, bool, int | None, str, int]


def _held(system: str) -> dict[str, Held]:
    rows = Code.objects.filter(system=system).values_list("code", *VALUES, "rank")
    return {code: tuple(rest) for code, *rest in rows}


def _state(row: CodeRow, held: Held | None) -> str:
    if held is None:
        return "new"
    values = _values(row, held)
    return "same" if tuple(values[name] for name in VALUES) == held[:-1] else "changed"


def _values(row: CodeRow, held: Held | None) -> dict[str, Any]:
    """Return what the row makes of a code: what the file has no column for stays as it is."""
    before: dict[str, Any] = dict(zip(VALUES, held[:-1], strict=True)) if held else {}
    values = {
        "words": row.words,
        "minimum_minutes": before.get("minimum_minutes"),
        "maximum_minutes": before.get("maximum_minutes"),
        "is_retired": before.get("is_retired", False),
        "retired_in": before.get("retired_in"),
        "replaced_by": before.get("replaced_by", ""),
    }
    if row.has_minutes:
        values |= {"minimum_minutes": row.minimum_minutes, "maximum_minutes": row.maximum_minutes}
    if row.is_retired is not None:
        values |= {"is_retired": row.is_retired}
        values["retired_in"] = (row.retired_in or before.get("retired_in")) if row.is_retired else None
        if not row.is_retired:
            values["replaced_by"] = ""
    if row.replaced_by is not None:
        values["replaced_by"] = row.replaced_by
    return values


def _code(system: str, row: CodeRow, held: Held | None, at: datetime) -> Code:
    values = _values(row, held)
    shipped = held is not None and held[-1] == Code.Rank.SHIPPED
    rank = Code.Rank.SHIPPED if shipped else Code.Rank.IMPORTED
    if values["is_retired"]:
        rank = Code.Rank.RETIRED
    return Code(
        system=system,
        code=row.code,
        is_imported=True,
        rank=rank,
        search_words=search_words(row.code, row.words),
        updated_at=at,
        **values,
    )


def _parse_order_file(text: str) -> CodeFile:
    found = CodeFile()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = ORDER_LINE.match(line)
        if match is None:
            found.problems.append((number, line[:40], "This line has another form than the others."))
        elif match[2] == "0":
            found.headings += 1  # a chapter or group: no claim takes it
        else:
            words = line[LONG_WORDS_AT:].strip() or line[16:LONG_WORDS_AT].strip()
            _add(found, System.ICD10, number, match[1], words)
    return found


def _parse_codes_file(text: str) -> CodeFile:
    found = CodeFile()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = CODES_LINE.match(line.rstrip())
        if match is None:
            found.problems.append((number, line[:40], "This line has another form than the others."))
        else:
            _add(found, System.ICD10, number, match[1], match[2].strip())
    return found


def _parse_csv(system: str, text: str) -> CodeFile:
    table = read_table(text, most_rows=MOST_ROWS)
    names = [re.sub(r"[^a-z]+", "_", heading.lower()).strip("_") for heading in table.headings]
    columns = [OTHER_NAMES.get(name, name) for name in names]
    for needed in ("code", "words"):
        if needed not in columns:
            raise BadFile(
                f"The first row has no column “{needed}”. It names: code, words, and if you like minimum_minutes, "
                "maximum_minutes, retired, replaced_by."
            )
    found = CodeFile()
    for number, cells in table.rows:
        row = dict(zip(columns, cells, strict=False))
        try:
            extra = _extra(row)
        except BadRow as refusal:
            found.problems.append((number, row["code"][:20], str(refusal)))
            continue
        _add(found, system, number, row["code"], row["words"], **extra)
    return found


def _extra(row: dict[str, str]) -> dict[str, Any]:
    """Return minutes and retirement of a CSV row. Raises BadRow."""
    extra: dict[str, Any] = {}
    if "minimum_minutes" in row or "maximum_minutes" in row:
        least, most = (_minutes(row.get(name, "")) for name in ("minimum_minutes", "maximum_minutes"))
        if least is not None and most is not None and most < least:
            raise BadRow("The longest time is shorter than the shortest.")
        extra |= {"minimum_minutes": least, "maximum_minutes": most, "has_minutes": True}
    if "retired" in row:
        text = row["retired"].strip().lower()
        if text not in YES | NO and not re.fullmatch(r"(19|20)\d\d", text):
            raise BadRow("“retired” is yes, no or a year.")
        extra["is_retired"] = text not in NO
        extra["retired_in"] = int(text) if len(text) == 4 and text.isdigit() else None
    if "replaced_by" in row:
        extra["replaced_by"] = row["replaced_by"][:60]
    return extra


def _minutes(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise BadRow(f"“{text[:10]}” are no minutes.")
    return int(text)


def _add(found: CodeFile, system: str, number: int, text: str, words: str, **extra: Any) -> None:
    code = codes.normalise(system, text)
    own = system == System.CPT and re.fullmatch(r"[A-Z][A-Z0-9-]{1,9}", code)
    if not codes.SHAPES[System(system)].match(code) and not own:
        found.problems.append((number, text[:20], f"{codes.EXAMPLES[System(system)]}."))
    elif not words:
        found.problems.append((number, text[:20], "There are no words for this code."))
    else:
        short = words if len(words) <= LONGEST_WORDS else f"{words[: LONGEST_WORDS - 1].rstrip()}…"
        found.rows.append(CodeRow(number, code, short, **extra))


def _each_once(found: CodeFile) -> CodeFile:
    """Keep the first row of each code; a second one is a problem."""
    seen: set[str] = set()
    rows = []
    for row in found.rows:
        if row.code in seen:
            found.problems.append((row.number, row.code, "This code stands in the file already."))
        else:
            seen.add(row.code)
            rows.append(row)
    found.rows = rows
    found.problems.sort()
    return found

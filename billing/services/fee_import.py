"""Take prices in from a CSV file: looked at as a whole first, then row by row, a bad row never stopping the others."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import TextChoices

from billing import permissions
from billing.errors import BadFee
from billing.models import Bill, BillType, FeeScheduleItem
from billing.money import format_money
from billing.services import fees
from billing.services.fees import Terms
from synapse.accounts.models import ClinicSettings, User
from synapse.audit.services import unit_of_work
from synapse.common.csv_reading import BadFile, Table, decode, read_table
from synapse.common.errors import Conflict

MOST_ROWS = 500  # all of them are one unit of work: everybody else who writes waits for it
COLUMNS = ("description", "code", "kind", "for", "doctor", "from_minutes", "price", "currency", "tax", "from", "until")
OTHER_NAMES = {
    "service": "description",
    "cpt": "code",
    "cpt_code": "code",
    "session_type": "kind",
    "visit": "kind",
    "purpose": "for",
    "minutes": "from_minutes",
    "minimum_minutes": "from_minutes",
    "unit_price": "price",
    "fee": "price",
    "amount": "price",
    "tax_rate": "tax",
    "valid_from": "from",
    "valid_until": "until",
}
# Thousands in threes, or in twos the Indian way; "2.200,00" is no number here, nor is it 2.2.
GROUPED = re.compile(r"-?\d{1,3}(,\d{2,3})*,\d{3}(\.\d*)?")
PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
NEW, FOLLOWS, SAME, BAD = "new", "follows", "same", "bad"


@dataclass(frozen=True)
class Fate:
    """What becomes of one row; `words` say why it is bad, or what it follows."""

    number: int
    outcome: str
    description: str
    price: Decimal | None = None
    currency: str = ""
    words: str = ""


def read_prices(data: bytes) -> str:
    """Return the text of an uploaded file. Raises BadFile when it cannot be one with prices."""
    text = decode(data)
    _columns_of(read_table(text, most_rows=MOST_ROWS))
    return text


def look_at_prices(text: str, *, by: User, at: datetime) -> list[Fate]:
    """Return what would become of each row: everything is done and taken back. Raises NotAllowed and BadFile."""
    with unit_of_work():
        fates = import_prices(text, by=by, at=at)
        transaction.set_rollback(True)
    return fates


def import_prices(text: str, *, by: User, at: datetime) -> list[Fate]:
    """Put the good rows on the schedule and return what became of each. The same file twice changes nothing.

    A row whose kind, doctor and length have a price follows it; without a day of its own it begins today. Raises
    NotAllowed and BadFile.
    """
    permissions.check_can_set_prices(by)
    table = read_table(text, most_rows=MOST_ROWS)
    clinic = ClinicSettings.load()
    with unit_of_work():
        return [
            _take(number, cells, clinic=clinic, by=by, at=at) for number, cells in _rows_of(table, _columns_of(table))
        ]


def sample() -> list[list[str]]:
    """Return the headings and a few rows of a file as it is expected."""
    return [
        list(COLUMNS),
        ["Psychotherapy, 45 minutes", "90834", "followup", "visit", "", "38", "2000", "", "", "2026-01-01", ""],
        ["Missed visit", "", "", "no_show", "", "", "500", "", "18", "2026-01-01", ""],
    ]


def _columns_of(table: Table) -> list[str]:
    names = [re.sub(r"[^a-z]+", "_", heading.lower()).strip("_") for heading in table.headings]
    columns = [OTHER_NAMES.get(name, name) for name in names]
    missing = [name for name in ("description", "price") if name not in columns]
    if missing:
        raise BadFile(f"The first row has no column “{missing[0]}”. It names: {', '.join(COLUMNS)}.")
    return columns


def _rows_of(table: Table, columns: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    for number, cells in table.rows:
        yield number, dict(zip(columns, cells, strict=False))


def _take(number: int, cells: dict[str, str], *, clinic: ClinicSettings, by: User, at: datetime) -> Fate:
    description = cells.get("description", "")
    try:
        terms, names_day = _terms(cells, clinic=clinic, at=at)
        with unit_of_work():
            outcome, words = _put(terms, names_day, by=by, at=at)
    except (BadFee, Conflict) as refusal:
        return Fate(number, BAD, description, words=refusal.message)
    return Fate(number, outcome, terms.description, terms.unit_price, terms.currency, words)


def _put(terms: Terms, names_day: bool, *, by: User, at: datetime) -> tuple[str, str]:
    terms = fees.check_terms(terms)
    held = fees.find_overlap(replace(terms, valid_until=terms.valid_from))
    if held is None:
        fees.add_fee(terms, by=by, at=at)
        return NEW, f"Holds {fees.in_words(terms.valid_from, terms.valid_until)}"
    before = fees.terms_of(held)
    if terms == replace(before, valid_from=terms.valid_from, valid_until=terms.valid_until) and (
        terms.valid_until in (None, before.valid_until)
    ):
        return SAME, ""
    if not names_day and terms.valid_until is None:
        terms = replace(terms, valid_until=before.valid_until)
    fees.change_fee(held, terms, by=by, at=at)
    return (
        FOLLOWS,
        f"In place of {format_money(before.unit_price, before.currency)}, from {terms.valid_from:%-d %b %Y} on",
    )


def _terms(cells: dict[str, str], *, clinic: ClinicSettings, at: datetime) -> tuple[Terms, bool]:
    """Return what a row says, and whether it names its first day. Raises BadFee."""
    begins = _date(cells.get("from", ""), "from")
    purpose = _choice(cells.get("for", ""), Bill.Purpose, "for") or Bill.Purpose.VISIT
    terms = Terms(
        description=cells.get("description", "")[:120],
        unit_price=_number(cells.get("price", ""), "price"),
        currency=(cells.get("currency", "") or clinic.currency).upper(),
        valid_from=begins or clinic.date_of(at),
        valid_until=_date(cells.get("until", ""), "until"),
        session_type=_choice(cells.get("kind", ""), BillType, "kind"),
        purpose=purpose,
        doctor=_doctor(cells.get("doctor", "")),
        cpt_code=cells.get("code", "")[:20],
        minimum_minutes=int(_number(cells.get("from_minutes", "") or "0", "from_minutes")),
        tax_rate=_number(cells["tax"].rstrip("% "), "tax") if cells.get("tax") else None,
    )
    return terms, begins is not None


def _number(text: str, column: str) -> Decimal:
    text = text.replace(" ", "")
    plain = text.replace(",", "") if GROUPED.fullmatch(text) else text
    # Decimal also takes "1e5" and "1_0": slips that would stand on the schedule as prices.
    if not PLAIN.fullmatch(plain):
        raise BadFee(f"The {column.replace('_', ' ')} “{text[:20]}” is no number.", column)
    return Decimal(plain)


def _date(text: str, column: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadFee(f"Write the day “{column}” as year-month-day, like 2026-01-01.", column) from None


def _choice(text: str, choices: type[TextChoices], column: str) -> str:
    """Return the value of a choice that is named by its value or its label, in any case."""
    named = text.strip().lower()
    if not named:
        return ""
    for value, label in choices.choices:
        if named in (value, value.replace("_", " "), value.replace("_", "-"), str(label).lower()):
            return str(value)
    known = ", ".join(choices.values)
    raise BadFee(f"The {column} “{text[:20]}” is none of: {known}.", column)


def _doctor(email: str) -> User | None:
    if not email:
        return None
    doctor = User.objects.filter(email__iexact=email, is_active=True).first()
    if doctor is None:
        raise BadFee("Nobody here has the e-mail of the doctor in this row.", "doctor")
    return doctor


def existing(item: FeeScheduleItem) -> list[str]:
    """Return a row of the schedule as the file has it."""
    values = fees.terms_of(item)
    return [
        values.description,
        values.cpt_code,
        values.session_type,
        values.purpose,
        values.doctor.email if values.doctor else "",
        str(values.minimum_minutes),
        str(values.unit_price),
        values.currency,
        "" if values.tax_rate is None else str(values.tax_rate),
        values.valid_from.isoformat(),
        values.valid_until.isoformat() if values.valid_until else "",
    ]

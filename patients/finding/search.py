"""Find a patient by what somebody types: parts of a name, phone, e-mail, birth date, number, and combinations.

Keyed tokens propose candidates inside the person's scope, level by level (exact, begins with, spelt alike); the
decrypted name decides. What was typed is neither stored nor logged.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q

from patients.models import Patient, PatientQuerySet, PatientToken
from synapse.accounts.models import User
from synapse.common.models import Counter
from synapse.encryption import blind_index
from synapse.encryption.blind_index import Level, ParsedQuery

SHORTEST_QUERY = 2
LONGEST_QUERY = 200
MOST_HITS = 50
# Tokens up to the eighth letter are nearly always right; those of one typo also meet words two typos apart.
MOST_SURE_CANDIDATES = 4 * MOST_HITS
MOST_CANDIDATES = 2000
LONGEST_SEQUENCE = 6
SHORTEST_NUMBER_PREFIX = 4

SHOWN_FIELDS = (
    "patient_id",
    "first_name",
    "last_name",
    "date_of_birth",
    "gender",
    "phone_primary",
    "created_at",
    "last_seen_at",
    "archived_at",
    "merged_into",
)

_MONTH_NAMES = (
    "jan january | feb february | mar march | apr april | may | jun june | jul july | aug august | "
    "sep sept september | oct october | nov november | dec december"
)
MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES.split(" | "), start=1) for name in names.split()}
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAY_MONTH_YEAR = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?[\s.\-]+({_MONTH})\b[\s.,\-]*(\d{{4}}|\d{{2}})(?!\d)", re.IGNORECASE
)
_MONTH_DAY_YEAR = re.compile(
    rf"\b({_MONTH})[\s.\-]+(\d{{1,2}})(?:st|nd|rd|th)?[\s.,\-]+(\d{{4}}|\d{{2}})(?!\d)", re.IGNORECASE
)
# A whole run of figures, so that part of a phone number is never taken for a date.
_FIGURES = re.compile(r"(?<![\w+])\d[\d\s./\-]*")
_NUMERIC_DATE = re.compile(r"^(\d{1,2})[\s./\-]+(\d{1,2})[\s./\-]+(\d{4}|\d{2})$")
_NUMBER = re.compile(r"^pat[\s\-]*(\d+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Hit:
    """A patient found, and how well what was typed fits."""

    patient: Patient
    level: Level


def search_patients(text: str, *, by: User, region: str, today: date, limit: int = MOST_HITS) -> list[Hit]:
    """Return the patients in scope that fit, exact hits first, then begun ones, then one-typo ones.

    Among equals the one seen last comes first. `region` (ISO 3166) reads phone numbers without a country code, `today`
    tells the century of a two-digit year. Archived records are not found.
    """
    scope = Patient.objects.visible_to(by)
    hits: dict[UUID, Hit] = {}
    for hit in _candidates(scope, text, region, today):
        hits.setdefault(hit.patient.pk, hit)
        if len(hits) == limit:
            break
    return list(hits.values())


def _candidates(scope: PatientQuerySet, text: str, region: str, today: date) -> Iterator[Hit]:
    """Yield verified hits in the order of the answer; a patient may come again at a later level."""
    text = " ".join(text.split())[: blind_index.LONGEST_QUERY]
    numbers = _patient_numbers(text)
    if numbers:
        yield from (
            Hit(patient, Level.EXACT)
            for patient in scope.active().filter(_is_numbered(numbers)).only(*SHOWN_FIELDS).latest_first()
        )
    if begun := _NUMBER.match(text):
        if len(begun[1]) >= SHORTEST_NUMBER_PREFIX:
            first, beyond = f"PAT-{begun[1]}", f"PAT-{int(begun[1]) + 1}"
            among = scope.active().filter(patient_id__gt=first, patient_id__lt=beyond).order_by("patient_id")
            yield from (Hit(patient, Level.PREFIX) for patient in among[:MOST_HITS])
        return
    parsed = blind_index.query_tokens(with_plain_dates(text, today), region)
    asked: list[frozenset[int]] = []
    for level in Level:
        groups = parsed.at_level(level)
        # A query without a name has the same tokens at every level.
        if groups and groups != asked:
            asked = groups
            yield from (Hit(patient, level) for patient in _verified(scope, parsed, groups, level))


def _verified(
    scope: PatientQuerySet, parsed: ParsedQuery, groups: list[frozenset[int]], level: Level
) -> Iterator[Patient]:
    """Yield the candidates that have a token of every group and a name that fits, the last seen first."""
    having = [PatientToken.objects.filter(token__in=group).values("patient_id") for group in groups]
    if len(having) > 1:
        # The database walks the first set and looks into the others: the rarest goes first.
        having.sort(key=lambda tokens: tokens[:MOST_CANDIDATES].count())
    for tokens in having:
        scope = scope.filter(pk__in=tokens)
    # A row is kilobytes of ciphertext: candidates are sorted in the index alone, then few rows are read.
    most = MOST_CANDIDATES if level == Level.TYPO else MOST_SURE_CANDIDATES
    keys = list(scope.active().latest_first().values_list("pk", flat=True)[:most])
    for start in range(0, len(keys), MOST_HITS):
        batch = keys[start : start + MOST_HITS]
        rows = Patient.objects.only(*SHOWN_FIELDS).in_bulk(batch)
        names = _names_of(rows)
        for patient in (rows[key] for key in batch if key in rows):
            fits = (
                blind_index.name_level(parsed.words, first_name=first_name, last_name=last_name)
                for first_name, last_name in names[patient.pk]
            )
            if any(fit is not None and fit <= level for fit in fits):
                yield patient


def _names_of(patients: Mapping[UUID, Patient]) -> dict[UUID, list[tuple[str, str]]]:
    """Return every name each of these people is known by: also those on records merged into theirs."""
    names = {pk: [(patient.first_name, patient.last_name)] for pk, patient in patients.items()}
    merged = Patient.objects.filter(merged_into__in=list(patients)).only("merged_into", "first_name", "last_name")
    for record in merged:
        names[record.kept_id].append((record.first_name, record.last_name))
    return names


def _is_numbered(numbers: list[str]) -> Q:
    """Return the condition that a patient has one of these numbers, or a record with one was merged into theirs."""
    merged = Patient.objects.filter(patient_id__in=numbers, merged_into__isnull=False)
    return Q(patient_id__in=numbers) | Q(pk__in=merged.values("merged_into"))


def _patient_numbers(text: str) -> list[str]:
    """Return the visible numbers a query can mean: PAT-20250042, 20250042, or 42 of any year."""
    figures = _NUMBER.match(text)
    digits = figures[1] if figures else text
    if not (digits.isascii() and digits.isdigit()):
        return []
    if len(digits) > LONGEST_SEQUENCE:
        return [f"PAT-{digits}"]
    years = Counter.objects.filter(series="PAT").values_list("period", flat=True)
    return [f"PAT-{year}{int(digits):04d}" for year in years]


def with_plain_dates(text: str, today: date) -> str:
    """Write every date in a query as the index knows it: `2 May 1991`, `May 2, 91` and `2 5 1991` have one form.

    Numbers alone keep their order, since 2/5/1991 is read both ways.
    """
    text = _DAY_MONTH_YEAR.sub(lambda found: _iso(found[1], found[2], found[3], today) or found[0], text)
    text = _MONTH_DAY_YEAR.sub(lambda found: _iso(found[2], found[1], found[3], today) or found[0], text)
    return _FIGURES.sub(lambda found: _numeric_date(found[0], today), text)


def _iso(day: str, month: str, year: str, today: date) -> str | None:
    try:
        return date(_full_year(year, today), MONTHS[month.lower()], int(day)).isoformat()
    except ValueError:
        return None


def _numeric_date(figures: str, today: date) -> str:
    found = _NUMERIC_DATE.match(figures.strip())
    if not found:
        return figures
    first, second, year = int(found[1]), int(found[2]), _full_year(found[3], today)
    if not (1 <= min(first, second) <= 12 and max(first, second) <= 31):
        return figures
    return f" {first}/{second}/{year} "


def _full_year(year: str, today: date) -> int:
    """Return a year of four digits; two digits mean the latest such year that is not in the future."""
    if len(year) == 4:
        return int(year)
    full = today.year - today.year % 100 + int(year)
    return full if full <= today.year else full - 100

"""Say of every row of a file what would become of it: new, likely on file already, or wrong, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.db.models.functions import Coalesce

from patients.merging.duplicates import find_likely_among, name_of_fields, phones_of
from patients.models import Patient
from patients.queries import doctors
from patients.services import PHONE_FIELDS
from scheduling.calendar.layout import NoSuchTime, at_wall_clock
from scheduling.models import Appointment
from scheduling.services.slot_checks import LONGEST_MINUTES, SHORTEST_MINUTES
from synapse.accounts.models import ClinicSettings, User
from synapse.common.csv_reading import Table, read_table
from synapse.common.figures import read_whole_number
from synapse.encryption import blind_index
from synapse.records import values
from synapse.records.columns import COLUMNS
from synapse.records.models import DataImport
from synapse.records.values import BadValue

NEW, DUPLICATE, ERROR = "new", "duplicate", "error"
CHOICE_FIELDS = frozenset({"gender", "blood_group", "marital_status", "emergency_contact_relationship"})
USUAL_MINUTES = 50


@dataclass
class Row:
    """One row: its number in the file, what it says, what is wrong by field label, and whom it may be."""

    number: int
    fields: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    like: str = ""

    @property
    def outcome(self) -> str:
        return ERROR if self.problems else DUPLICATE if self.like else NEW


class Reader:
    """Reads the rows of one import with the clinic's region, zone and doctors at hand."""

    def __init__(self, data_import: DataImport, *, by: User, at: datetime) -> None:
        self.kind = data_import.kind
        self.table: Table = read_table(data_import.content)
        self.chosen: dict[str, str] = data_import.columns["fields"]
        self.day_first: bool | None = data_import.columns["day_first"]
        self.doctor = data_import.doctor
        self.by, self.at = by, at
        self.clinic = ClinicSettings.load()
        self.today = self.clinic.date_of(at)
        self.labels = {column.name: column.label for column in COLUMNS[self.kind]}
        self.places = {name: self.table.headings.index(heading) for name, heading in self.chosen.items()}
        self.doctors = {key.casefold(): one for one in doctors() for key in (one.username, one.email) if key}

    def read(self, only: set[int] | None = None) -> list[Row]:
        """Return the rows, or those of some numbers, checked one by one and against what is on file."""
        wanted = [(number, cells) for number, cells in self.table.rows if only is None or number in only]
        if self.kind == DataImport.Kind.PATIENTS:
            rows = [self._patient(number, cells) for number, cells in wanted]
            self._mark_duplicates(rows)
            return rows
        rows = [self._visit(number, cells) for number, cells in wanted]
        self._find_patients(rows)
        return rows

    def dates(self) -> list[str]:
        """Return the cells that are read as dates."""
        places = [self.places[name] for name in ("date_of_birth", "day") if name in self.places]
        return [cells[place] for _, cells in self.table.rows for place in places if cells[place]]

    def _cells(self, cells: Sequence[str]) -> dict[str, str]:
        return {name: cells[place] for name, place in self.places.items()}

    def _patient(self, number: int, cells: Sequence[str]) -> Row:
        said, row = self._cells(cells), Row(number)
        for name in ("first_name", "last_name", "date_of_birth"):
            if not said.get(name):
                row.problems[self.labels[name]] = "This is missing."
        for name, text in said.items():
            if text and name != "doctor":
                self._take(row, name, text)
        row.fields["doctor"] = self._doctor(row, said.get("doctor", ""))
        return row

    def _take(self, row: Row, name: str, text: str) -> None:
        """Put one cell's value into the row, or what is wrong with it."""
        try:
            row.fields[name] = self._value(name, text)
        except BadValue as problem:
            row.problems[self.labels[name]] = str(problem)

    def _value(self, name: str, text: str) -> Any:
        if name == "date_of_birth":
            return values.read_birth_date(text, day_first=self.day_first, today=self.today)
        if name == "day":
            return values.read_date(text, day_first=self.day_first, today=self.today, is_past=False)
        if name == "clock":
            return values.read_clock(text)
        if name in PHONE_FIELDS:
            phone = blind_index.normalise_phone(text, self.clinic.region)
            if phone is None:
                raise BadValue("This is no phone number with its area code, or with + and the country code.")
            return phone
        if name in CHOICE_FIELDS:
            text = values.read_choice(name, text)
        if name == "email":
            try:
                validate_email(text)
            except ValidationError:
                raise BadValue("This is no e-mail address.") from None
        model = Patient if self.kind == DataImport.Kind.PATIENTS or name in _NAMES else Appointment
        longest = getattr(model._meta.get_field(name), "max_length", None) or 5000
        if len(text) > longest:
            raise BadValue(f"This is longer than {longest} characters.")
        return text

    def _doctor(self, row: Row, text: str) -> User | None:
        found = self.doctors.get(text.strip().casefold()) if text else self.doctor
        if found is None:
            words = (
                "No doctor here has this user name or e-mail." if text else "Name the doctor, or choose one for all."
            )
            row.problems["Doctor"] = words
        return found

    def _mark_duplicates(self, rows: list[Row]) -> None:
        """Name whom each good row may be: somebody on file, else an earlier row of the file."""
        good = [row for row in rows if not row.problems]
        on_file = find_likely_among([row.fields for row in good], by=self.by)
        seen: dict[Any, int] = {}
        for place, row in enumerate(good):
            keys: list[Any] = [(name_of_fields(row.fields), row.fields["date_of_birth"]), *phones_of(row.fields)]
            earlier = min((seen[key] for key in keys if key in seen), default=None)
            if place in on_file:
                first = on_file[place][0]
                row.like = f"{first.patient.patient_id}. {first.reason}"
            elif earlier is not None:
                row.like = f"Row {earlier} of this file has the same name and birth date, or the same phone."
            for key in keys:
                seen.setdefault(key, row.number)

    def _visit(self, number: int, cells: Sequence[str]) -> Row:
        said, row = self._cells(cells), Row(number)
        for name in ("day", "clock"):
            if not said.get(name):
                row.problems[self.labels[name]] = "This is missing."
        for name in ("day", "clock", "first_name", "last_name", "date_of_birth", "location", "chief_complaint"):
            if said.get(name):
                self._take(row, name, said[name])
        row.fields["doctor"] = self._doctor(row, said.get("doctor", ""))
        row.fields["patient_number"] = said.get("patient_number", "").upper()
        self._take_length(row, said.get("duration_minutes", ""))
        if not {"Date", "Time"} & set(row.problems):
            self._take_moment(row, said)
        return row

    def _take_length(self, row: Row, text: str) -> None:
        digits = text.lower().removesuffix("minutes").removesuffix("min").strip() or str(USUAL_MINUTES)
        minutes = read_whole_number(digits) or 0
        if not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES:
            row.problems["Minutes"] = f"Write a number from {SHORTEST_MINUTES} to {LONGEST_MINUTES}."
        else:
            row.fields["duration_minutes"] = minutes

    def _take_moment(self, row: Row, said: dict[str, str]) -> None:
        try:
            moment = at_wall_clock(row.fields.pop("day"), row.fields.pop("clock"), self.clinic.zone)
        except NoSuchTime:
            row.problems["Time"] = "The clocks skip this time that night."
            return
        row.fields["scheduled_at"] = moment
        for name, label, read in (
            ("appointment_type", "Type", values.read_type),
            ("status", "Status", lambda text: values.read_status(text, is_past=moment <= self.at)),
        ):
            try:
                row.fields[name] = read(said.get(name, ""))
            except BadValue as problem:
                row.problems[label] = str(problem)

    def _find_patients(self, rows: list[Row]) -> None:
        """Put the patient of each row beside it, by number or by name and date of birth."""
        numbers = {row.fields["patient_number"] for row in rows} - {""}
        by_number: dict[str, Patient] = {}
        visible = Patient.objects.visible_to(self.by).select_related("merged_into")
        for start in range(0, len(numbers), 400):
            lot = sorted(numbers)[start : start + 400]
            by_number |= {one.patient_id: one.kept_record for one in visible.filter(patient_id__in=lot)}
        named = [row for row in rows if not row.fields["patient_number"] and _is_named(row)]
        likely = find_likely_among([row.fields for row in named], by=self.by)
        by_name = {
            row.number: [one.patient for one in likely.get(place, []) if one.same_name_and_birth_date]
            for place, row in enumerate(named)
        }
        for row in rows:
            number = row.fields.pop("patient_number")
            found = [by_number[number]] if number in by_number else by_name.get(row.number, [])
            for name in _NAMES:
                row.fields.pop(name, None)
            if len(found) == 1 and found[0].archived_at is None:
                row.fields["patient"] = found[0]
            else:
                row.problems["Patient"] = _why_not(found, number=number)
        self._mark_known(rows)

    def _mark_known(self, rows: list[Row]) -> None:
        """Name the visits that are in the calendar already: the same patient, doctor and time."""
        good = [row for row in rows if not row.problems]
        if not good:
            return
        start, end = (fold(row.fields["scheduled_at"] for row in good) for fold in (min, max))
        stored = Appointment.objects.filter(scheduled_at__range=(start, end)).exclude(
            Q(status=Appointment.Status.RESCHEDULED)
        )
        kept = Coalesce("patient__merged_into_id", "patient_id")
        known: set[tuple[UUID, UUID, datetime]] = set(stored.values_list(kept, "doctor_id", "scheduled_at"))
        for row in good:
            key = (row.fields["patient"].pk, row.fields["doctor"].pk, row.fields["scheduled_at"])
            if key in known:
                row.like = "This visit is in the calendar already, or twice in this file."
            known.add(key)


_NAMES = ("first_name", "last_name", "date_of_birth")


def _is_named(row: Row) -> bool:
    return all(row.fields.get(name) for name in _NAMES)


def _why_not(found: list[Patient], *, number: str) -> str:
    if len(found) > 1:
        return "Several patients have this name and date of birth. Write the patient's number."
    if found:
        return "This patient is archived. Restore the record first."
    if number:
        return "No patient has this number."
    return "No patient has this name and date of birth. Import the patients first."


def guess_day_first(cells: Sequence[str]) -> tuple[bool | None, bool]:
    """Return the order the dates must have, if any shows it, and whether some could be read both ways.

    Dates that show both orders give None as well: somebody has to look.
    """
    shown = {values.is_day_first(cell) for cell in cells} - {None}
    is_open = any(values.is_ambiguous(cell) for cell in cells)
    return (next(iter(shown)) if len(shown) == 1 else None), is_open


def first_ambiguous(cells: Sequence[str]) -> str:
    return next((cell for cell in cells if values.is_ambiguous(cell)), "")

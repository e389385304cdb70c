"""What a file may hold of each kind, and which heading means which field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synapse.records.models import DataImport

Kind = DataImport.Kind


@dataclass(frozen=True)
class Column:
    """One field a file can fill: its name here, as people read it, and as other systems head it."""

    name: str
    label: str
    spellings: tuple[str, ...] = ()
    is_needed: bool = False
    sample: str = ""


PATIENT_COLUMNS = (
    Column(
        "first_name", "First name", ("given name", "forename", "vorname", "prénom", "nombre", "fname"), True, "Mira"
    ),
    Column(
        "last_name",
        "Last name",
        ("surname", "family name", "nachname", "familienname", "nom", "apellido", "lname"),
        True,
        "Banerjee",
    ),
    Column(
        "date_of_birth",
        "Date of birth",
        (
            "dob",
            "d o b",
            "birth date",
            "birthday",
            "birthdate",
            "born",
            "geburtsdatum",
            "geburtstag",
            "date de naissance",
        ),
        True,
        "1991-05-02",
    ),
    Column("gender", "Gender", ("sex", "geschlecht", "sexe"), sample="female"),
    Column(
        "phone_primary",
        "Mobile",
        (
            "phone",
            "mobile phone",
            "cell",
            "cell phone",
            "telephone",
            "phone number",
            "telefon",
            "handy",
            "tel",
            "contact",
        ),
        sample="098200 41733",
    ),
    Column("phone_secondary", "Other phone", ("home phone", "work phone", "phone 2", "second phone", "landline")),
    Column("email", "E-mail", ("mail", "email address", "e mail address"), sample="mira@example.org"),
    Column("address", "Address", ("street", "adresse", "anschrift", "postal address"), sample="12 Hill Road, Mumbai"),
    Column("blood_group", "Blood group", ("blood type", "blutgruppe")),
    Column("occupation", "Occupation", ("job", "profession", "beruf")),
    Column("marital_status", "Marital status", ("civil status", "familienstand")),
    Column("preferred_language", "Language", ("preferred language", "sprache", "langue")),
    Column("emergency_contact_name", "Emergency contact", ("emergency name", "next of kin", "notfallkontakt")),
    Column("emergency_contact_phone", "Emergency phone", ("emergency contact phone", "next of kin phone")),
    Column(
        "emergency_contact_relationship", "Emergency relationship", ("relationship", "emergency contact relationship")
    ),
    Column(
        "insurance_provider",
        "Insurer",
        ("insurance", "insurance company", "payer", "krankenkasse", "insurance provider"),
    ),
    Column(
        "insurance_policy_number", "Policy number", ("policy", "member id", "insurance number", "versichertennummer")
    ),
    Column("insurance_group_number", "Group number", ("group", "insurance group")),
    Column(
        "doctor", "Doctor", ("provider", "therapist", "clinician", "practitioner", "arzt", "doctor email"), sample=""
    ),
)
APPOINTMENT_COLUMNS = (
    Column("patient_number", "Patient number", ("patient id", "pat number", "pat", "patient no"), sample=""),
    Column("first_name", "First name", PATIENT_COLUMNS[0].spellings, sample="Mira"),
    Column("last_name", "Last name", PATIENT_COLUMNS[1].spellings, sample="Banerjee"),
    Column("date_of_birth", "Date of birth", PATIENT_COLUMNS[2].spellings, sample="1991-05-02"),
    Column("doctor", "Doctor", PATIENT_COLUMNS[-1].spellings, sample="doctor"),
    Column("day", "Date", ("day", "appointment date", "visit date", "datum", "start date"), True, "2026-03-02"),
    Column("clock", "Time", ("start", "start time", "appointment time", "uhrzeit", "from", "zeit"), True, "10:30"),
    Column("duration_minutes", "Minutes", ("duration", "length", "dauer", "duration minutes"), sample="50"),
    Column("appointment_type", "Type", ("visit type", "appointment type", "service", "art"), sample="followup"),
    Column("status", "Status", ("state", "outcome"), sample="scheduled"),
    Column("location", "Location", ("place", "ort", "room")),
    Column("chief_complaint", "Reason", ("complaint", "subject", "grund", "reason for visit")),
)
COLUMNS: dict[str, tuple[Column, ...]] = {Kind.PATIENTS: PATIENT_COLUMNS, Kind.APPOINTMENTS: APPOINTMENT_COLUMNS}


def guess_columns(kind: str, headings: Sequence[str]) -> dict[str, str]:
    """Return field to heading as far as the headings tell; each heading serves once."""
    known = {_key(heading): heading for heading in reversed(headings)}
    guessed: dict[str, str] = {}
    for column in COLUMNS[kind]:
        for spelling in (column.label, column.name, *column.spellings):
            heading = known.get(_key(spelling))
            if heading is not None and heading not in guessed.values():
                guessed[column.name] = heading
                break
    return guessed


def missing_columns(kind: str, chosen: Mapping[str, str]) -> list[str]:
    """Return the labels of needed fields no heading is chosen for."""
    missing = [column.label for column in COLUMNS[kind] if column.is_needed and not chosen.get(column.name)]
    names = [chosen.get(name) for name in ("first_name", "last_name", "date_of_birth")]
    if kind == Kind.APPOINTMENTS and not chosen.get("patient_number") and not all(names):
        missing.append("Patient number, or name and date of birth")
    return missing


def _key(heading: str) -> str:
    return re.sub(r"[\W_]+", " ", heading.casefold()).strip().removeprefix("patient ").removeprefix("patients ")

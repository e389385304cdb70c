"""Patients by name and birth date: the clinic's own search of encrypted names, held to what FHIR says of strings."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db.models import Q, QuerySet

from patients.finding.search import search_patients
from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.encryption.blind_index import Level, normalise_name
from synapse.fhir.errors import BadParameter, TooCostly
from synapse.fhir.parameters import Parameter, identifier_values

NAMES = ("name", "family", "given")
MOST_FOUND = 200


def _found_together(rows: Any, name: str, value: str, zone: Any) -> Any:
    return rows  # `find` has narrowed the rows by all of these at once


_BEGINS = "Beginning of a word of it, whatever case or accents; at most 200 patients are found."
PARAMETERS = {
    "name": Parameter("string", _BEGINS, _found_together),
    "family": Parameter("string", _BEGINS, _found_together),
    "given": Parameter("string", _BEGINS, _found_together),
    "birthdate": Parameter("date", "The whole day, without a prefix: birth dates are encrypted.", _found_together),
    "identifier": Parameter("token", "The patient's number, such as PAT-20260001.", _found_together),
}


def find(rows: QuerySet[Patient], asked: Mapping[str, list[str]], *, by: User, at: datetime) -> QuerySet[Patient]:
    """Return the patients whose names begin as asked and who were born that day, archived ones left out.

    Raises BadParameter and, when 200 or more fit, TooCostly.
    """
    for value in asked.get("identifier", []):
        numbers = identifier_values("patient", value)
        merged = Patient.objects.filter(patient_id__in=numbers, merged_into__isnull=False)
        rows = rows.filter(Q(patient_id__in=numbers) | Q(pk__in=merged.values("merged_into")))
    words = [value for name in NAMES for value in asked.get(name, [])]
    days = [_birth_date(value) for value in asked.get("birthdate", [])]
    if any(not normalise_name(value) for value in words):
        raise BadParameter("Write at least one letter of the name.", where="name")
    if not words and not days:
        return rows
    text = " ".join([*words, *(day.isoformat() for day in days)])
    clinic = ClinicSettings.load()
    hits = search_patients(text, by=by, region=clinic.region, today=clinic.date_of(at), limit=MOST_FOUND)
    if len(hits) >= MOST_FOUND:
        raise TooCostly(f"{MOST_FOUND} patients or more fit. Add a birth date or more of the name.", where="name")
    fitting = [
        hit.patient.pk
        for hit in hits
        if hit.level <= Level.PREFIX
        and _fits(hit.patient, asked)
        and all(hit.patient.date_of_birth == day for day in days)
    ]
    return rows.filter(pk__in=fitting)


def _fits(patient: Patient, asked: Mapping[str, list[str]]) -> bool:
    """Tell whether each word asked for begins a word of the name's part it was asked of."""
    parts = {
        "name": f"{patient.first_name} {patient.last_name}",
        "family": patient.last_name,
        "given": patient.first_name,
    }
    return all(
        any(part.startswith(word) for part in normalise_name(parts[name]).split())
        for name in NAMES
        for value in asked.get(name, [])
        for word in normalise_name(value).split()
    )


def _birth_date(value: str) -> date:
    try:
        return date.fromisoformat(value.removeprefix("eq"))
    except ValueError:
        raise BadParameter(
            "Birth dates are encrypted: they are found by the whole day, such as 1991-05-02, alone.", where="birthdate"
        ) from None

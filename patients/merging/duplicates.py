"""Notice that a new patient may be one the clinic has already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from patients.models import Patient, PatientToken
from synapse.accounts.models import User
from synapse.encryption import blind_index

MOST_SHOWN = 5
COMPARED = (
    "patient_id",
    "first_name",
    "last_name",
    "date_of_birth",
    "phone_primary",
    "phone_secondary",
    "archived_at",
    "merged_into",
)
LOT = 400  # tokens or patients asked for at once


@dataclass(frozen=True)
class Likeness:
    """A patient on file and why the new one may be the same person."""

    patient: Patient
    same_name_and_birth_date: bool
    same_phone: bool

    @property
    def rank(self) -> int:
        """How likely it is the same person; 0 is not at all."""
        return 2 * self.same_name_and_birth_date + self.same_phone

    @property
    def reason(self) -> str:
        if self.same_name_and_birth_date and self.same_phone:
            return "Name, date of birth and phone are the same."
        return (
            "Name and date of birth are the same." if self.same_name_and_birth_date else "The phone number is the same."
        )


def find_likely_duplicates(fields: Mapping[str, Any], *, by: User) -> list[Likeness]:
    """Return the patients with the same name and birth date, or with one of the same phones (E.164).

    Only patients `by` may open are named: the existence of somebody else's patient is not told. Archived ones count.
    """
    owners = PatientToken.objects.filter(token__in=tokens_of(fields)).values("patient_id")
    found_in = Patient.objects.visible_to(by).filter(pk__in=owners, merged_into=None).order_by("patient_id")
    likenesses = [_likeness(patient, fields) for patient in found_in.prefetch_related("merged_records")]
    likely = sorted((found for found in likenesses if found.rank), key=lambda found: -found.rank)
    return likely[:MOST_SHOWN]


def find_likely_among(many: Sequence[Mapping[str, Any]], *, by: User) -> dict[int, list[Likeness]]:
    """Return for each of many newcomers, by its place, who on file may be the same person, the likeliest first.

    The patients are read in lots, so that thousands of rows cost a few queries.
    """
    wanted: dict[int, list[int]] = {}
    for place, fields in enumerate(many):
        for token in tokens_of(fields):
            wanted.setdefault(token, []).append(place)
    found: dict[int, dict[UUID, Likeness]] = {}
    tokens = sorted(wanted)
    for start in range(0, len(tokens), LOT):
        lot = PatientToken.objects.filter(token__in=tokens[start : start + LOT]).values_list("token", "patient_id")
        places: dict[UUID, set[int]] = {}
        for token, patient_id in lot:
            places.setdefault(patient_id, set()).update(wanted[token])
        patients = Patient.objects.visible_to(by).filter(pk__in=places, merged_into=None)
        records = Patient.objects.only(*COMPARED)
        merged = Prefetch("merged_records", queryset=records)
        for patient in patients.only(*COMPARED).prefetch_related(merged).order_by("patient_id"):
            for place in places[patient.pk]:
                likeness = _likeness(patient, many[place])
                if likeness.rank:
                    found.setdefault(place, {})[patient.pk] = likeness
    return {place: sorted(likely.values(), key=lambda one: -one.rank) for place, likely in found.items()}


def tokens_of(fields: Mapping[str, Any]) -> set[int]:
    """Return the tokens that somebody alike has too."""
    return blind_index.likeness_tokens(
        first_name=str(fields["first_name"]), last_name=str(fields["last_name"]), phones=phones_of(fields)
    )


def phones_of(fields: Mapping[str, Any]) -> set[str]:
    return {str(fields.get(name) or "") for name in ("phone_primary", "phone_secondary")} - {""}


def name_of_fields(fields: Mapping[str, Any]) -> frozenset[str]:
    return _name_of(str(fields["first_name"]), str(fields["last_name"]))


def _likeness(patient: Patient, fields: Mapping[str, Any]) -> Likeness:
    records = (patient, *patient.merged_records.all())
    return Likeness(
        patient,
        same_name_and_birth_date=any(
            _name_of(record.first_name, record.last_name) == name_of_fields(fields)
            and record.date_of_birth == fields["date_of_birth"]
            for record in records
        ),
        same_phone=any(phones_of(fields) & {record.phone_primary, record.phone_secondary} for record in records),
    )


def _name_of(first_name: str, last_name: str) -> frozenset[str]:
    """Return both name parts without their order: forms are filled in either way round."""
    return frozenset({blind_index.normalise_name(first_name), blind_index.normalise_name(last_name)})

"""Notice that a new patient may be one the clinic has already."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from patients.models import Patient, PatientToken
from synapse.accounts.models import User
from synapse.encryption import blind_index

MOST_SHOWN = 5


@dataclass(frozen=True)
class Likeness:
    """A patient on file and why the new one may be the same person."""

    patient: Patient
    same_name_and_birth_date: bool
    same_phone: bool

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
    phones = {str(fields.get(name) or "") for name in ("phone_primary", "phone_secondary")} - {""}
    name = _name_of(str(fields["first_name"]), str(fields["last_name"]))
    entries = blind_index.index_tokens(
        first_name=str(fields["first_name"]), last_name=str(fields["last_name"]), phones=phones
    )
    tokens = {token for kind, token in entries if kind in {"full", "phone"}}
    owners = PatientToken.objects.filter(token__in=tokens).values("patient_id")
    likenesses = [
        Likeness(
            patient,
            same_name_and_birth_date=_name_of(patient.first_name, patient.last_name) == name
            and patient.date_of_birth == fields["date_of_birth"],
            same_phone=bool(phones & {patient.phone_primary, patient.phone_secondary}),
        )
        for patient in Patient.objects.visible_to(by).filter(pk__in=owners).order_by("patient_id")
    ]
    likely = [found for found in likenesses if found.same_name_and_birth_date or found.same_phone]
    likely.sort(key=lambda found: (not found.same_name_and_birth_date, not found.same_phone))
    return likely[:MOST_SHOWN]


def _name_of(first_name: str, last_name: str) -> frozenset[str]:
    """Return both name parts without their order: forms are filled in either way round."""
    return frozenset({blind_index.normalise_name(first_name), blind_index.normalise_name(last_name)})

"""A patient's identity and how to reach them. What is clinical about them is in no Patient resource."""

from collections.abc import Iterable
from functools import cache
from uuid import UUID

from django.conf.locale import LANG_INFO

from patients.choices import label_of
from patients.models import Patient
from reports.writers.fhir.people import patient_identity
from reports.writers.fhir.values import Resource, coded, organization_id
from synapse.fhir.resources.meta import finished, refer

MARITAL_STATUS = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
CONTACT_ROLE = "http://terminology.hl7.org/CodeSystem/v2-0131"
LANGUAGE_TAGS = "urn:ietf:bcp:47"
# Only what the code means too: living apart is no legal separation.
MARITAL_CODES = {
    "single": ("S", "Never Married"),
    "partnered": ("T", "Domestic partner"),
    "married": ("M", "Married"),
    "divorced": ("D", "Divorced"),
    "widowed": ("W", "Widowed"),
}


def patient_resource(patient: Patient, *, merged_ids: Iterable[UUID]) -> Resource:
    """Return a patient; `merged_ids` are the records of the same person that this one stands for."""
    resource = {
        **patient_identity(patient),
        "active": patient.archived_at is None,
        "telecom": [*_phones(patient), *_mails(patient)],
        "address": [{"use": "home", "text": patient.address}] if patient.address else [],
        "maritalStatus": _marital_status(patient.marital_status),
        "contact": _emergency_contact(patient),
        "communication": _communication(patient.preferred_language),
        "managingOrganization": refer("Organization", organization_id()),
        "link": [*_links(patient), *({"other": refer("Patient", pk), "type": "replaces"} for pk in merged_ids)],
    }
    return finished(resource, patient.pk, updated_at=patient.updated_at)


def _links(patient: Patient) -> list[Resource]:
    if patient.merged_into_id is None:
        return []
    return [{"other": refer("Patient", patient.merged_into_id), "type": "replaced-by"}]


def _phones(patient: Patient) -> list[Resource]:
    numbers = [number for number in (patient.phone_primary, patient.phone_secondary) if number]
    return [{"system": "phone", "value": number, "rank": rank} for rank, number in enumerate(numbers, start=1)]


def _mails(patient: Patient) -> list[Resource]:
    return [{"system": "email", "value": patient.email}] if patient.email else []


def _marital_status(stored: str) -> Resource | None:
    if not stored:
        return None
    text = label_of("marital_status", stored)
    return coded(MARITAL_STATUS, *MARITAL_CODES[stored], text) if stored in MARITAL_CODES else {"text": text}


def _emergency_contact(patient: Patient) -> list[Resource]:
    name, phone = patient.emergency_contact_name, patient.emergency_contact_phone
    if not (name or phone):
        return []
    relationship = [coded(CONTACT_ROLE, "C", "Emergency Contact")]
    if patient.emergency_contact_relationship:
        words = label_of("emergency_contact_relationship", patient.emergency_contact_relationship)
        relationship.append({"text": words})
    return [
        {
            "relationship": relationship,
            "name": {"text": name},
            "telecom": [{"system": "phone", "value": phone}] if phone else [],
        }
    ]


def _communication(language: str) -> list[Resource]:
    if not language:
        return []
    tag = _tags_by_name().get(language.strip().casefold())
    coding = [{"system": LANGUAGE_TAGS, "code": tag}] if tag else []
    return [{"language": {"coding": coding, "text": language}, "preferred": True}]


@cache
def _tags_by_name() -> dict[str, str]:
    """Return the tags of languages by what people write: name in English, own name, or the tag itself."""
    tags: dict[str, str] = {}
    for tag, info in LANG_INFO.items():
        for name in (tag, info.get("name", ""), info.get("name_local", "")):
            tags.setdefault(str(name).casefold(), tag)
    return tags

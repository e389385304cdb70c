"""What the patients app keeps of somebody, and how it goes when they are erased."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Coalesce

from patients.models import ConsentLink, Handover, PatientAccess
from synapse.common import erasures
from synapse.encryption import erasing
from synapse.encryption.erasing import Rows
from synapse.notifications import sms

# What stands where the name was: bills keep their amounts, and have to say that nobody knows any more whose they were.
NAME = "Erased record"
NO_BIRTHDAY = date(1900, 1, 1)


def register() -> None:
    """Register the step; called when the app is ready."""
    erasing.register(
        "patients",
        _end_accesses,
        _blank_handovers,
        Rows("patients.PatientToken", ("patient",), "search tokens", is_deleted=True),
        Rows(
            "patients.ConsentLink",
            ("consent__patient",),
            "consent links",
            also=lambda at: {"provider_reference": "", "updated_at": at},
        ),
        Rows("patients.ConsentSignature", ("consent__patient",), "signatures", is_deleted=True),
        Rows("patients.ConsentSitting", ("patient",), "tablet sittings", is_deleted=True),
        Rows("patients.Consent", ("patient",), "consents", also=lambda at: {"expires_at": at, "updated_at": at}),
        Rows("patients.EmergencyAccess", ("patient",), "emergency accesses", also=lambda at: {"updated_at": at}),
        Rows("patients.PatientMerge", ("kept", "merged"), "merges"),
        Rows("patients.LegalHold", ("patient",), "legal holds"),
        Rows(
            "patients.Patient",
            ("pk",),
            "records",
            instead={"first_name": NAME, "date_of_birth": NO_BIRTHDAY},
            also=_shell,
        ),
    )
    erasures.register_files("patients", remove_files)


def remove_files(patient_id: UUID) -> int:
    """Remove the messages a demonstration wrote to files."""
    return sms.forget(ConsentLink.objects.filter(consent__patient=patient_id).values_list("pk", flat=True))


def _shell(at: datetime) -> Mapping[str, Any]:
    return {
        "name_hash": "",
        "phone_hash": "",
        "email_hash": "",
        "archived_at": Coalesce("archived_at", Value(at)),
        "updated_at": at,
    }


def _end_accesses(patient_id: UUID, at: datetime) -> dict[str, int]:
    """Close the record to everybody."""
    PatientAccess.objects.filter(patient=patient_id, ended_at=None).update(ended_at=at, updated_at=at)
    return {}


def _blank_handovers(patient_id: UUID, at: datetime) -> dict[str, int]:
    """Take the reason of handovers that were about this patient alone: it may speak of them."""
    accesses = PatientAccess.objects.filter(handover=OuterRef("pk"))
    alone = Handover.objects.filter(
        Exists(accesses.filter(patient=patient_id)), ~Exists(accesses.exclude(patient=patient_id)), all_patients=False
    )
    return {"handovers": count} if (count := alone.update(reason="", updated_at=at)) else {}

"""What the pages of holds and erasures read."""

from datetime import datetime

from django.db.models import QuerySet

from patients.models import LegalHold, Patient
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.erasure.models import Erasure


def records_to_erase(user: User) -> QuerySet[Patient]:
    """Return every record to those who erase, erased ones too; nobody else gets any."""
    return Patient.objects.all() if user.may(Permission.ERASE_PATIENTS) else Patient.objects.none()


def holds_of(patient: Patient) -> QuerySet[LegalHold]:
    """Return the holds on any record of a person, those that stand first."""
    holds = LegalHold.objects.filter(patient__in=patient.records()).select_related("placed_by", "released_by")
    return holds.order_by("released_at", "-placed_at")


def erasures_of(patient: Patient) -> QuerySet[Erasure]:
    """Return the erasures that were asked for, the latest first."""
    rows = Erasure.objects.filter(patient=patient.kept_id)
    return rows.select_related("requested_by", "carried_out_by", "withdrawn_by", "certificate").order_by(
        "-requested_at"
    )


def left_behind(patient: Patient) -> Erasure | None:
    """Return the open erasure of a record that was merged into another one since: nobody can carry it out any more."""
    if patient.merged_into_id is None:
        return None
    return Erasure.objects.open().filter(patient=patient).first()


def open_erasures(user: User) -> QuerySet[Erasure]:
    """Return what waits to be carried out, the oldest first."""
    return Erasure.objects.visible_to(user).open().select_related("patient", "requested_by").order_by("requested_at")


def past_erasures(user: User) -> QuerySet[Erasure]:
    """Return what was erased, the latest first."""
    done = [Erasure.Status.CARRIED_OUT, Erasure.Status.COMPLETED]
    rows = Erasure.objects.visible_to(user).filter(status__in=done)
    return rows.select_related("patient", "carried_out_by", "certificate").order_by("-carried_out_at")


def ready_erasures(user: User, at: datetime) -> QuerySet[Erasure]:
    """Return the open erasures this person may carry out now: those of others, and their own after the time to think."""
    return open_erasures(user).exclude(requested_by=user, not_before__gt=at)


def due_records(user: User) -> QuerySet[Patient]:
    """Return the records past their time of keeping whose erasure nobody asked for yet, the oldest first."""
    asked = Erasure.objects.open().values("patient")
    due = records_to_erase(user).filter(due_for_erasure_since__isnull=False, erased_at=None).exclude(pk__in=asked)
    return due.order_by("due_for_erasure_since", "patient_id")

"""What scheduling keeps of a patient, and how it goes when they are erased."""

from datetime import datetime
from uuid import UUID

from scheduling.models import AppointmentMessage, WaitingEntry
from synapse.common import erasures
from synapse.common.transitions import advance
from synapse.encryption import erasing
from synapse.encryption.erasing import Rows
from synapse.notifications import sms


def register() -> None:
    """Register step and files; called when the app is ready."""
    erasing.register(
        "scheduling",
        end_waiting,
        Rows("scheduling.AppointmentLink", ("appointment__patient",), "links to visits", is_deleted=True),
        Rows(
            "scheduling.AppointmentMessage",
            ("patient",),
            "messages about visits",
            also=lambda at: {"provider_reference": "", "updated_at": at},
        ),
        Rows("scheduling.WaitingEntry", ("patient",), "places on the waiting list"),
        Rows("scheduling.WalkIn", ("appointment__patient",), "arrivals without a visit"),
        Rows("scheduling.AppointmentSeries", ("patient",), "series of visits"),
        Rows("scheduling.Appointment", ("patient",), "visits"),
    )
    erasures.register_files("scheduling", remove_files)


def end_waiting(patient_id: UUID, at: datetime) -> dict[str, int]:
    """Take the patient off the waiting list."""
    waiting = WaitingEntry.objects.filter(patient=patient_id, status__in=[WaitingEntry.Status.WAITING])
    for entry in waiting.select_for_update():
        advance(entry, WaitingEntry.Status.REMOVED, at=at, closed_at=at)
    return {}


def remove_files(patient_id: UUID) -> int:
    """Remove the messages a demonstration wrote to files."""
    return sms.forget(AppointmentMessage.objects.filter(patient=patient_id).values_list("pk", flat=True))

"""A waiting list, times that came free and offers of them, for tests."""

from datetime import UTC, datetime, timedelta

from patients.tests.factories import make_patient
from scheduling.models import FreedSlot, SlotOffer, WaitingEntry
from scheduling.services import appointments, offers, waiting
from scheduling.tests.factories import make_appointment
from synapse.links.tokens import new_token

NOW = datetime(2027, 3, 1, 4, 30, tzinfo=UTC)  # Monday 10:00 at the clinic
TOMORROW = datetime(2027, 3, 2, 4, 0, tzinfo=UTC)  # 9:30
NIGHT = datetime(2027, 3, 1, 17, 0, tzinfo=UTC)  # 22:30
Waits = WaitingEntry.Status
Offered = SlotOffer.Status
Free = FreedSlot.Status


def wait(doctor, /, *, patient=None, by=None, at=NOW, **wishes):
    return waiting.add_entry(
        patient or make_patient(doctor, at=at, email="kavya@example.org"),
        by=by or doctor,
        at=at,
        **{"doctor": doctor, "appointment_type": "followup", "duration_minutes": 50, **wishes},
    )


def free_a_slot(doctor, *, scheduled_at=TOMORROW, at=NOW):
    visit = make_appointment(doctor, scheduled_at=scheduled_at, at=at - timedelta(hours=1))
    appointments.cancel_appointment(visit, reason="Ill", by=doctor, at=at)
    return FreedSlot.objects.get(freed_by=visit)


def link_to(made):
    """Give an offer the link its message would have."""
    token, made.token_hash = new_token()
    made.save(update_fields=["token_hash"])
    return token


def offer(slot, entry, by, at=NOW, **options):
    made = offers.offer_slot(slot, entry, by=by, at=at, **options)
    return made, link_to(made)

"""The fee of a visit that did not take place: drafted by the clinic's policy, called off when the visit stands again.

A visit the clinic called off costs nothing. These bills carry no procedure code and go to no insurer.
"""

from datetime import datetime, timedelta

from django.db.models import F, Q

from billing import queries
from billing.drafts import pricing
from billing.models import Bill, BillingSettings
from billing.money import ZERO
from billing.services.drafting import new_draft, store_draft
from billing.services.rows import lock, record
from scheduling.changes import Change
from scheduling.models import Appointment
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.transitions import advance

Purpose = Bill.Purpose
MISSED = (Purpose.LATE_CANCEL, Purpose.NO_SHOW)
STANDS_AGAIN = "The visit stands again."
# Issued and not called off or given back: what a person decides about when the visit stands again.
ISSUED = (Bill.Status.SENT, Bill.Status.PARTIALLY_PAID, Bill.Status.OVERDUE, Bill.Status.PAID)


def follow_change(change: Change) -> None:
    """Draft the fee of a visit that was just missed, or call it off when that was taken back; see `changes.register`."""
    visit = change.appointment
    if change.verb == "no_show":
        draft_fee(visit, Purpose.NO_SHOW, by=change.by, at=change.at)
    elif change.verb == "cancel" and visit.cancelled_by_patient and is_late(visit):
        draft_fee(visit, Purpose.LATE_CANCEL, by=change.by, at=change.at)
    elif change.verb == "stand_again":
        call_off_fee(visit, by=change.by, at=change.at)
    elif change.verb == "schedule" and visit.rescheduled_from is not None:
        call_off_fee(visit.rescheduled_from, by=change.by, at=change.at)


def draft_fee(visit: Appointment, purpose: str, *, by: User | None, at: datetime) -> Bill | None:
    """Draft the fee of a missed visit, once; return None where the policy asks for none, with the why in the trail.

    Without `by` it was the patient; the draft then counts as made by the visit's doctor.
    """
    policy = BillingSettings.load()
    if not (policy.charges_no_show if purpose == Purpose.NO_SHOW else policy.charges_late_cancel):
        return None
    with audit.unit_of_work():
        if Bill.objects.filter(appointment=visit).exclude(status=Bill.Status.CANCELLED).exists():
            return None
        if policy.first_missed_is_free and not _missed_before(visit):
            audit.record(
                Action.UPDATE,
                by=by,
                target=visit,
                patient_id=visit.patient_id,
                detail={"verb": "no_fee", "why": "The first missed visit of a patient is free."},
            )
            return None
        bill = new_draft(
            visit.patient,
            doctor=visit.doctor,
            bill_type=visit.appointment_type,
            by=by or visit.doctor,
            appointment=visit,
            purpose=purpose,
        )
        store_draft(
            bill, [pricing.price_missed(_priced(bill, visit), queries.fee_schedule(bill.currency))], by=by, at=at
        )
    return bill


def call_off_fee(visit: Appointment, *, by: User | None, at: datetime) -> None:
    """Call the draft of a missed visit's fee off; one that was issued is left to people."""
    with audit.unit_of_work():
        for bill in Bill.objects.filter(appointment=visit, purpose__in=MISSED, status=Bill.Status.PENDING):
            lock(bill)
            advance(bill, Bill.Status.CANCELLED, at=at, outstanding_amount=ZERO, cancelled_reason=STANDS_AGAIN)
            record(bill, "cancel", by=by)


def takes_place_after_all() -> Q:
    """Return the fees of visits that stand again: noted as missed by mistake, or booked again in their place."""
    stands = ~Q(appointment__status__in=[Appointment.Status.NO_SHOW, Appointment.Status.CANCELLED])
    return Q(purpose=Purpose.NO_SHOW, appointment__isnull=False) & stands | Q(
        purpose=Purpose.LATE_CANCEL, appointment__rescheduled_to__isnull=False
    )


def is_needless(bill: Bill) -> bool:
    """Tell whether an issued fee is for a visit that takes place after all."""
    if bill.purpose not in MISSED or bill.status not in ISSUED:
        return False
    return Bill.objects.filter(takes_place_after_all(), pk=bill.pk).exists()


def is_late(visit: Appointment) -> bool:
    """Tell whether a visit was cancelled inside the clinic's notice."""
    notice = timedelta(hours=ClinicSettings.load().cancel_notice_hours)
    return visit.cancelled_at is not None and visit.cancelled_at > visit.scheduled_at - notice


def _missed_before(visit: Appointment) -> bool:
    """Tell whether this person missed a visit before: did not come, or cancelled inside the notice."""
    notice = timedelta(hours=ClinicSettings.load().cancel_notice_hours)
    others = Appointment.objects.filter(patient__in=visit.patient.kept_record.records()).exclude(pk=visit.pk)
    # A late cancellation that was taken back points to the visit that stands in its place.
    late = others.filter(
        status=Appointment.Status.CANCELLED,
        cancelled_by_patient=True,
        rescheduled_to=None,
        cancelled_at__gt=F("scheduled_at") - notice,
    )
    return others.filter(status=Appointment.Status.NO_SHOW).exists() or late.exists()


def _priced(bill: Bill, visit: Appointment) -> pricing.Visit:
    on = ClinicSettings.load().date_of(visit.scheduled_at)
    return pricing.Visit(bill.bill_type, None, on, bill.currency, doctor_id=bill.doctor_id, purpose=bill.purpose)

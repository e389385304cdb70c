"""Whether the patient's insurance was checked, when, and for which policy."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import models

from billing import permissions
from billing.models import Bill
from billing.services.payers import fold_name
from billing.services.rows import lock, record
from patients.models import Patient
from scheduling.changes import Change
from scheduling.models import Appointment
from scheduling.permissions import can_change
from scheduling.services import edits
from synapse.accounts.models import ClinicSettings, User
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict, DomainError


class Verified(models.TextChoices):
    """What is known about the insurance of a bill."""

    NO = "no", "Not verified"
    YES = "yes", "Verified"
    AT_DESK = "at_desk", "Verified for the visit"
    OTHER_POLICY = "other_policy", "Verified for another policy"
    NOT_INSURED = "not_insured", "No insurance on record"


@dataclass(frozen=True)
class Verification:
    """What is known about the insurance of a bill, since when and by whom."""

    state: Verified
    on: date | None = None
    by: User | None = None


def verification_of(bill: Bill) -> Verification:
    """Return whether the insurance of a bill was verified for the policy the patient has now."""
    patient = bill.patient.kept_record
    if not (bill.insurance_provider or patient.insurance_provider):
        return Verification(Verified.NOT_INSURED)
    if bill.insurance_verified_on is not None:
        same = bill.insurance_verified_policy in ("", policy_of(patient))
        return Verification(
            Verified.YES if same else Verified.OTHER_POLICY, bill.insurance_verified_on, bill.insurance_verified_by
        )
    visit = visit_of(bill)
    return Verification(Verified.AT_DESK if visit is not None and visit.insurance_verified else Verified.NO)


def policy_of(patient: Patient) -> str:
    """Return insurer, policy and group as one text to compare; case and spaces do not count."""
    parts = (patient.insurance_provider, patient.insurance_policy_number, patient.insurance_group_number)
    return "|".join(fold_name(part) for part in parts)


def visit_of(bill: Bill) -> Appointment | None:
    """Return the visit in the calendar a bill is for; None when there is none."""
    if bill.appointment is not None:
        return bill.appointment
    return Appointment.objects.filter(session=bill.session).first() if bill.session_id else None


def verify_insurance(bill: Bill, *, by: User, at: datetime) -> Bill:
    """Note that the patient's policy was checked for this bill; the bill names that policy from then on.

    Raises NotAllowed, Conflict for a bill that is closed, DomainError when no insurer is on record.
    """
    permissions.check_can_work_with_bills(by)
    with unit_of_work():
        lock(bill)
        if bill.is_closed:
            raise Conflict(f"This bill is {bill.get_status_display().lower()}. There is nothing to verify.")
        _mark(bill, by=by, at=at)
        visit = visit_of(bill)
        if visit is not None and not visit.insurance_verified and _may_be_marked(visit, by):
            edits.set_insurance_verified(visit, verified=True, by=by, at=at)
    return bill


def _may_be_marked(visit: Appointment, by: User) -> bool:
    """Tell whether the visit may carry the mark, too: it stands, and this person keeps it."""
    return visit.status in Appointment.ACTIVE and can_change(by, visit)


def follow_visit(change: Change) -> None:
    """Let a check at the desk count for the bill of that visit, too."""
    visit = change.appointment
    if change.verb != "edit" or change.by is None or not visit.insurance_verified:
        return
    bills = Bill.objects.filter(models.Q(appointment=visit) | models.Q(session__appointment=visit))
    for bill in bills.filter(insurance_verified_on=None, status__in=Bill.OPEN).select_related("patient"):
        lock(bill)
        if bill.patient.kept_record.insurance_provider:
            _mark(bill, by=change.by, at=change.at)


def _mark(bill: Bill, *, by: User, at: datetime) -> None:
    patient = bill.patient.kept_record
    if not patient.insurance_provider:
        raise DomainError("No insurer is on the patient's record. Enter the policy there first.", code="not_insured")
    bill.insurance_provider = patient.insurance_provider
    bill.insurance_policy_number = patient.insurance_policy_number
    bill.insurance_group_number = patient.insurance_group_number
    bill.insurance_verified_policy = policy_of(patient)
    bill.insurance_verified_on = ClinicSettings.load().date_of(at)
    bill.insurance_verified_by = by
    bill.save(
        update_fields=[
            "insurance_provider",
            "insurance_policy_number",
            "insurance_group_number",
            "insurance_verified_policy",
            "insurance_verified_on",
            "insurance_verified_by",
        ]
    )
    record(bill, "verify_insurance", by=by)

"""Draft bills: of a session by itself, and of anything else by hand."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from billing import permissions, queries
from billing.currencies import places_of
from billing.drafts import pricing, suggestions
from billing.drafts.evidence import least_minutes
from billing.errors import BadAmount, BadDetail, Locked
from billing.models import Bill, BillingSettings, BillQuerySet
from billing.money import COPAY, COVERED, RESPONSIBILITY, ZERO, Line
from billing.services.corrections import cancel_bill
from billing.services.editing import DETAILS, check_lines, set_details, set_lines, terms_of
from billing.services.rows import record
from patients.models import Patient
from patients.permissions import check_is_in_care
from scheduling.models import Appointment
from scheduling.queries import list_doctors_for
from sessions_app.models import ConsultationSession
from synapse.accounts.models import ClinicSettings, User
from synapse.audit.models import Action
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict

Status = Bill.Status
NOTHING: Mapping[str, Any] = MappingProxyType({})


def draft_bill_for_session(
    session: ConsultationSession, *, by: User, at: datetime, bill_type: str | None = None
) -> Bill:
    """Draft the bill of a completed session from the fee schedule, or return the one it has.

    Its codes are suggestions until the clinician confirms them. Without a type that of the session is taken. Raises
    NotAllowed, and Conflict while the session is not completed.
    """
    permissions.check_can_work_with_bills(by)
    _check_completed(session)
    with unit_of_work():
        existing = _standing().filter(session=session).order_by("created_at").first()
        return existing or _draft_of_session(session, by=by, at=at, bill_type=bill_type)


def draft_by_hand(
    patient: Patient,
    *,
    doctor: User | None,
    bill_type: str | None,
    by: User,
    at: datetime,
    session: ConsultationSession | None = None,
    appointment: Appointment | None = None,
    currency: str = "",
    lines: Sequence[Line] | None = None,
    said: Mapping[str, Any] = NOTHING,
) -> Bill:
    """Draft a bill somebody asked for, of a session or a visit that has none yet or of neither.

    Without a doctor it is the visit's, or who asks; without a type that of the session or visit, without a currency the
    clinic's; without lines the price is that of the fee schedule. Nothing was recorded of a visit without a session, so
    there it is taken only where there is one for any length. `said` are columns of `editing.DETAILS` and `TERMS`. Raises
    NotAllowed, Conflict when the session or visit is another patient's or billed, BadAmount, BadLine and BadDetail.
    """
    permissions.check_can_work_with_bills(by)
    check_is_in_care(by, patient)
    records = {record.pk for record in patient.records()}
    for row in (session, appointment):
        if row is not None and row.patient_id not in records:
            raise Conflict("This visit belongs to another patient.")
    if session is not None and appointment is not None and appointment.session_id != session.pk:
        raise Conflict("This session is not that of the visit.")
    doctor = _doctor_of(session or appointment, doctor, by=by)
    permissions.check_can_bill_for(by, doctor)
    with unit_of_work():
        if session is not None:
            _check_completed(session)
            if _standing().filter(session=session).exists():
                raise Conflict("This session has a bill already.", code="billed_already")
            return _draft_of_session(
                session, by=by, at=at, bill_type=bill_type, currency=currency, lines=lines, said=said
            )
        if appointment is not None and _standing().filter(appointment=appointment).exists():
            raise Conflict("This visit has a bill already.", code="billed_already")
        kind = bill_type or (appointment.appointment_type if appointment else Bill.Type.CONSULTATION)
        bill = new_draft(patient, doctor=doctor, bill_type=kind, by=by, appointment=appointment, currency=currency)
        is_typed = lines is not None
        if lines is None:
            on = ClinicSettings.load().date_of(appointment.scheduled_at if appointment else at)
            visit = _visit(bill, minutes=None, on=on)
            lines = pricing.price_visit(visit, queries.fee_schedule(bill.currency))
        store_draft(bill, lines, by=by, at=at, said=said, is_typed=is_typed)
    return bill


def _draft_of_session(
    session: ConsultationSession,
    *,
    by: User,
    at: datetime,
    bill_type: str | None,
    currency: str = "",
    lines: Sequence[Line] | None = None,
    said: Mapping[str, Any] = NOTHING,
) -> Bill:
    bill = new_draft(
        session.patient,
        doctor=session.doctor,
        bill_type=bill_type or (Bill.Type.TELEMEDICINE if session.telehealth else session.session_type),
        by=by,
        session=session,
        appointment=Appointment.objects.filter(session=session).first(),
        currency=currency,
    )
    is_typed = lines is not None
    if lines is None:
        on = ClinicSettings.load().date_of(session.started_at)
        visit = _visit(bill, minutes=session.duration_minutes or 0, on=on)
        lines = pricing.price_visit(visit, queries.fee_schedule(bill.currency), least=least_minutes())
    store_draft(bill, lines, by=by, at=at, said=said, is_typed=is_typed)
    session.billing_code = lines[0].cpt_code
    session.billing_amount = bill.total_amount
    session.save(update_fields=["billing_code", "billing_amount", "updated_at"])
    return bill


def _doctor_of(visit: ConsultationSession | Appointment | None, named: User | None, *, by: User) -> User:
    """Return whose visit is billed. Raises BadDetail when nobody is named, or somebody else than was there."""
    if visit is not None:
        if named is not None and named.pk != visit.doctor_id:
            raise BadDetail("This visit is another clinician's.", field="doctor")
        return visit.doctor
    if named is not None:
        return named
    if not list_doctors_for(by).filter(pk=by.pk).exists():
        raise BadDetail("Choose the clinician", field="doctor")
    return by


def _check_completed(session: ConsultationSession) -> None:
    if session.status != ConsultationSession.Status.COMPLETED:
        raise Conflict("Only a completed session is billed.", code="session_not_completed")


def check_can_move(session: ConsultationSession) -> None:
    """Raise Locked when a bill of the session was issued: it names the patient and stands in the books."""
    issued = _standing().filter(session=session).exclude(bill_number=None).first()
    if issued is not None:
        raise Locked(f"The bill {issued.bill_number} of this session was issued. Cancel or refund it first.")


def draft_anew(session: ConsultationSession, *, reason: str, by: User, at: datetime) -> Bill | None:
    """Call off the draft bills of a session that changed hands and draft its bill again; None while it runs.

    Raises as `check_can_move`.
    """
    with unit_of_work():
        check_can_move(session)
        for bill in Bill.objects.filter(session=session, status=Status.PENDING):
            cancel_bill(bill, reason=reason, by=by, at=at)
        if session.status != ConsultationSession.Status.COMPLETED:
            return None
        return draft_bill_for_session(session, by=by, at=at)


def new_draft(
    patient: Patient,
    *,
    doctor: User,
    bill_type: str,
    by: User,
    session: ConsultationSession | None = None,
    appointment: Appointment | None = None,
    purpose: str = Bill.Purpose.VISIT,
    currency: str = "",
) -> Bill:
    """Return a bill that is not saved and has no lines, with what clinic, visit and patient say about it.

    Without a currency it is the clinic's. Raises BadAmount for one that cannot be held.
    """
    clinic, billing = ClinicSettings.load(), BillingSettings.load()
    if currency:
        _check_currency(currency)
    is_visit = purpose == Bill.Purpose.VISIT
    is_video = bill_type == Bill.Type.TELEMEDICINE or (session is not None and session.telehealth)
    bill = Bill(
        patient=patient.kept_record,
        session=session,
        appointment=appointment,
        doctor=doctor,
        bill_type=bill_type,
        purpose=purpose,
        currency=currency or clinic.currency,
        discount_amount=ZERO,
        prices_include_tax=billing.prices_include_tax,
        tax_rate=clinic.tax_rate,
        payment_terms=f"Net {clinic.payment_terms_days} days",
        payment_instructions=clinic.payment_instructions,
        paid_amount=ZERO,
        generated_by=by,
    )
    if is_visit:
        # No insurer pays for a visit that did not take place.
        bill.place_of_service = suggestions.place_for(is_video=is_video)
        bill.insurance_provider = bill.patient.insurance_provider
        bill.insurance_policy_number = bill.patient.insurance_policy_number
        bill.insurance_group_number = bill.patient.insurance_group_number
    return bill


def store_draft(
    bill: Bill,
    lines: Sequence[Line],
    *,
    by: User | None,
    at: datetime,
    said: Mapping[str, Any] = NOTHING,
    is_typed: bool = False,
) -> None:
    """Add up and save a new draft; call it inside `unit_of_work()`. `said` as in `draft_by_hand`.

    Lines that somebody typed are checked; those of the fee schedule fit by themselves.
    """
    set_details(bill, {name: value for name, value in said.items() if name in DETAILS}, at=at)
    if is_typed:
        check_lines(bill, lines)
    terms = terms_of(bill, said)
    set_lines(bill, lines, **terms)
    copay, covered = _expected_of_insurer(bill, bill.total_amount)
    if copay is not None and not said.keys() & {COPAY, COVERED, RESPONSIBILITY}:
        set_lines(bill, lines, **{**terms, "copay": copay, "insurance_covered": covered})
    bill.save(force_insert=True)
    record(bill, "draft", by=by, action=Action.CREATE)


def _expected_of_insurer(bill: Bill, total: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """Return copay and what the insurer pays, as the desk noted them with the visit.

    Only a verified policy lets the rest be the insurer's; until then all of it is the patient's.
    """
    visit = bill.appointment
    if visit is None or visit.copay_amount is None or not bill.insurance_provider:
        return None, None
    copay = min(visit.copay_amount, total)
    return copay, total - copay if visit.insurance_verified else None


def _check_currency(currency: str) -> None:
    try:
        places_of(currency)
    except ValueError as error:
        raise BadAmount(str(error), field="currency") from None


def _visit(bill: Bill, *, minutes: int | None, on: date) -> pricing.Visit:
    return pricing.Visit(bill.bill_type, minutes, on, bill.currency, doctor_id=bill.doctor_id)


def _standing() -> BillQuerySet:
    """Return the bills that were not closed by calling them off or giving all of the money back."""
    return Bill.objects.exclude(status__in=Bill.CLOSED)

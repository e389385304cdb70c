"""Check a patient out: the bill of the visit and its payment, the next visit, and whether this one took place."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing.ledger import owing
from billing.models import Bill
from billing.money import ZERO, load_line
from billing.paying import pages as paying_pages
from billing.paying.forms import PaymentForm
from billing.queries import ISSUED_OPEN, list_bills
from billing.services import issuing
from scheduling import permissions
from scheduling.doors import get_visit, local
from scheduling.models import Appointment
from scheduling.services import stages
from synapse.accounts.decorators import requires
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, next_page_of, render_page

# A follow-up is offered a week later at the same time; the form lets it be anything else.
FOLLOW_UP_AFTER = timedelta(days=7)


class CheckOutForm(forms.Form):
    """Whether a visit nobody held a session for took place."""

    took_place = forms.BooleanField(label="The visit took place", required=False, initial=True)


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def check_out(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what is left to do before somebody goes, then let them go."""
    visit, now = get_visit(request, pk), timezone.now()
    permissions.check_can_change(request.user, visit)
    form = CheckOutForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        stages.check_out(visit, by=request.user, at=now, took_place=form.cleaned_data["took_place"])
        messages.success(request, "Checked out.")
        return redirect(next_page_of(request))
    record_read(request, target=visit, patient_id=visit.patient_id, detail={"part": "check_out"})
    return render_page(request, "dashboard/check_out.html", _context(request.user, visit, now), form=form)


def _context(user: User, visit: Appointment, now: datetime) -> dict[str, Any]:
    records = visit.patient.records()
    of_visit = Q(appointment=visit) | (Q(session=visit.session_id) if visit.session_id else Q(pk=None))
    bills = list(list_bills(user).filter(of_visit | Q(patient__in=records, status__in=ISSUED_OPEN)))
    own = [
        bill
        for bill in bills
        if bill.appointment_id == visit.pk or (bill.session_id is not None and bill.session_id == visit.session_id)
    ]
    bill = next((each for each in own if each.status != Bill.Status.CANCELLED), None)
    lines = [load_line(stored) for stored in bill.line_items] if bill else []
    coming = (
        Appointment.objects.visible_to(user)
        .open()
        .filter(patient__in=records, scheduled_at__gt=now)
        .exclude(pk=visit.pk)
        .select_related("doctor")
    )
    before = [each for each in bills if each not in own]
    owed = owing.owed_by_patients(before)
    unpaid = [(each, owed[each.pk]) for each in before if owed[each.pk] > ZERO]
    return {
        "visit": visit,
        "bill": bill,
        **(_payment_context(user, bill, visit) if bill is not None else {}),
        "lines": [(line, line.amount(bill.currency)) for line in lines] if bill else [],
        "is_draft": bill is not None and bill.status == Bill.Status.PENDING,
        "unpaid": unpaid,
        # The account takes what is issued; the draft of this visit is paid above.
        "has_several": len(unpaid) + (bill is not None and bill.status in ISSUED_OPEN) > 1,
        "account_address": reverse("billing:account", args=[visit.patient_id]),
        "next_visit": coming.order_by("scheduled_at").first(),
        "book_address": _follow_up_address(visit),
        "asks_whether_it_took_place": visit.status in Appointment.OPEN,
        "is_live": visit.session is not None and visit.session.is_live,
        "waited": _minutes_between(visit.arrived_at, visit.in_room_at),
        "inside": _minutes_between(visit.in_room_at, visit.seen_at),
        "may_pay": user.may(Permission.RECORD_PAYMENTS),
    }


def _payment_context(user: User, bill: Bill, visit: Appointment) -> dict[str, Any]:
    """Return what the bill of the visit needs to be paid right here, and the receipts it has."""
    context = paying_pages.pay_context(bill)
    split = context["split"]
    paid = [row for row in paying_pages.payment_rows(list(paying_pages.payments_on(bill))) if not row.is_reversed]
    can_pay = user.may(Permission.RECORD_PAYMENTS) and split.open > ZERO and not issuing.why_not_issued(bill)
    form = PaymentForm(
        open_amount=split.open,
        currency=bill.currency,
        initial={"amount": split.patient_owes or None, "method": paying_pages.last_method(user)},
    )
    return {
        **{name: context[name] for name in ("split", "credit", "usable_credit", "credit_key")},
        "receipts": [(row, paying_pages.address("receipt", row.payment.pk)) for row in paid],
        "pay_form": form if can_pay and split.patient_owes > ZERO else None,
        "why_not": issuing.why_not_issued(bill) if bill.status == Bill.Status.PENDING else "",
    }


def _follow_up_address(visit: Appointment) -> str:
    start = local(visit.scheduled_at)
    day = start.date() + FOLLOW_UP_AFTER
    query = {"patient": visit.patient_id, "doctor": visit.doctor_id, "day": day.isoformat()}
    if not visit.is_walk_in:
        query["time"] = f"{start:%H:%M}"
    return f"{reverse('scheduling:book')}?{urlencode(query)}"


def _minutes_between(begun: datetime | None, ended: datetime | None) -> int | None:
    return stages.minutes_since(begun, ended) if begun is not None and ended is not None else None

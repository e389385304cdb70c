"""The list of bills: what is open by age, what waits in which state, and the search that leads to both."""

import re
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import permissions, queries
from billing.desk import listing as desk_listing
from billing.desk.filters import ALL, ANY_INSURER, NO_INSURER, OVERDUE, SORTS, STATES, BillFilter, read_filter
from billing.desk.listing import PAGE_SIZE
from billing.models import Bill, BillingSettings, BillType, Payer
from billing.services import drafting
from patients.finding.search import search_patients
from patients.models import Patient
from patients.queries import doctors
from sessions_app.models import ConsultationSession
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page

MONTHS_OFFERED = 24
SHORTEST_QUERY = 2
_NUMBER = re.compile(r"^(?:inv[\s-]*)?(\d{6})[\s-]+(\d{1,6})$|^inv[\s-]*(\d{6})(\d{6})$", re.IGNORECASE)


@require_GET
@requires(Permission.VIEW_BILLS)
def bill_list(request: ClinicRequest) -> HttpResponse:
    """List bills under what the address asks for, with what is open by age above."""
    return render_page(request, "billing/list.html", _list_context(request))


@require_POST
@requires(Permission.VIEW_BILLS)
def find(request: ClinicRequest) -> HttpResponse:
    """Lead to the bill of a number, or to the bills of the patients found. What is typed is in no address and no log."""
    text = request.POST.get("query", "").strip()
    if number := _bill_number(text):
        bill = Bill.objects.visible_to(request.user).filter(bill_number=number).only("pk").first()
        if bill is not None:
            return redirect("billing:detail", bill.pk)
        return _nothing_found(request, text, "No bill has this number. Check its month and its six figures.")
    if len(text) < SHORTEST_QUERY:
        return _nothing_found(request, text, "Type at least two letters of a name, or a bill’s number.")
    clinic = ClinicSettings.load()
    hits = search_patients(text, by=request.user, region=clinic.region, today=clinic.date_of(timezone.now()))
    keys = tuple(hit.patient.pk for hit in hits)
    record_read(request, action=Action.SEARCH, subjects=keys, detail={"hits": len(keys)})
    if not keys:
        return _nothing_found(request, text, "No patient fits. Try a part of the name, the phone or the PAT number.")
    return redirect(reverse("billing:list") + BillFilter(show=ALL, patient_ids=keys).query())


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_BILLS)
def unbilled(request: ClinicRequest) -> HttpResponse:
    """List completed sessions without a bill; POST drafts the bill of one of them, or of all on the page."""
    user = request.user
    found = queries.unbilled_sessions(user)
    if request.method == "POST":
        key = request.POST.get("session", "")
        whole = found.select_related("patient", "doctor")
        return _draft(request, list(whole[:PAGE_SIZE]) if key == "page" else [get_object_or_404(whole, pk=_key(key))])
    shown = found.select_related("patient", "doctor").only(
        *("session_id", "session_type", "telehealth", "started_at", "duration_minutes"),
        *("patient__first_name", "patient__last_name", "doctor__first_name", "doctor__last_name"),
        *("doctor__username", "doctor__role"),
    )
    page = Paginator(shown, PAGE_SIZE).get_page(request.GET.get("page"))
    record_read(request, target=("sessions", "unbilled"), subjects={one.patient_id for one in page})
    context = {"page": page, "may_work": user.may(Permission.RECORD_PAYMENTS)}
    return render_page(request, "billing/unbilled.html", context)


def _draft(request: ClinicRequest, sessions: list[ConsultationSession]) -> HttpResponse:
    now = timezone.now()
    bills = [drafting.draft_bill_for_session(session, by=request.user, at=now) for session in sessions]
    if len(bills) == 1:
        messages.success(request, "The bill is drafted. Look at it, then send it.")
        return redirect("billing:detail", bills[0].pk)
    messages.success(request, f"{len(bills)} bills are drafted.")
    return redirect("billing:unbilled")


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def _nothing_found(request: ClinicRequest, text: str, why: str) -> HttpResponse:
    """Show the list again with what was typed."""
    messages.warning(request, why)
    return render_page(request, "billing/list.html", {**_list_context(request), "query": text}, status=422)


def _bill_number(text: str) -> str:
    found = _NUMBER.match(text)
    if not found:
        return ""
    month, count = (found[1], found[2]) if found[1] else (found[3], found[4])
    return f"INV-{month}-{int(count):06d}"


def _list_context(request: ClinicRequest) -> dict[str, Any]:
    user, clinic = request.user, ClinicSettings.load()
    today = clinic.date_of(timezone.now())
    wanted = read_filter(request.GET)
    listing = desk_listing.list_page(
        user, wanted, today=today, currency=clinic.currency, number=request.GET.get("page")
    )
    record_read(request, target=("bills", wanted.show), subjects={row.bill.patient_id for row in listing.rows})
    sees_all = user.may(Permission.VIEW_ALL_PATIENTS)
    return {
        "listing": listing,
        "page": listing.page,
        "wanted": wanted,
        "states": [
            {"text": label, "address": wanted.query(show=state, age=""), "is_current": state == wanted.show}
            | {"count": listing.counts.get(state)}
            for state, label in STATES.items()
            if state != OVERDUE or wanted.show == OVERDUE
        ],
        "buckets": [(bucket, wanted.query(show="open", age=bucket.key)) for bucket in listing.aging.buckets],
        "columns": {name: _column(wanted, name, can_sort=listing.totals is not None) for name in SORTS},
        "months": _months(today, wanted.month),
        "doctors": doctors() if sees_all else [],
        "types": BillType.choices,
        "payers": [(NO_INSURER, "Patients themselves"), (ANY_INSURER, "Any insurer"), *_payers()],
        "people": _people(request, wanted),
        "without_patients": wanted.query(patient_ids=()),
        "this_query": wanted.query(),
        "batch_key": uuid4(),
        "page_keys": (("J", "Next bill"), ("K", "Bill before"), ("X", "Choose it")),
        "reminder_gap_days": BillingSettings.load().reminder_gap_days,
        "limit": desk_listing.SUMMED_AT_MOST,
        "paid": queries.paid_in_month(f"{today:%Y%m}", clinic.currency) if sees_all else None,
        "today": today,
        "currency": clinic.currency,
        "may_work": user.may(Permission.RECORD_PAYMENTS),
        "may_close_day": permissions.can_close_day(user),
    }


def _column(wanted: BillFilter, name: str, *, can_sort: bool) -> dict[str, Any]:
    """Return where a column's head leads: sorted by it, the other way round when it is sorted by it."""
    is_current = wanted.sort == name or (name == "due" and not wanted.sort and wanted.show == "open")
    is_descending = is_current and wanted.descending
    return {
        "address": wanted.query(sort=name, descending=is_current and not is_descending) if can_sort else "",
        "order": ("descending" if is_descending else "ascending") if is_current and can_sort else "",
    }


def _months(today: date, chosen: str) -> list[tuple[str, str]]:
    """Return the months the list offers, the newest first, the chosen one always among them."""
    last = today.year * 12 + today.month - 1
    days = [date(number // 12, number % 12 + 1, 1) for number in range(last, last - MONTHS_OFFERED, -1)]
    offered = [(f"{day:%Y%m}", f"{day:%B %Y}") for day in days]
    if chosen and chosen not in dict(offered):
        offered.append((chosen, f"{date(int(chosen[:4]), int(chosen[4:]), 1):%B %Y}"))
    return offered


def _payers() -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in Payer.objects.filter(is_active=True).values_list("pk", "name")]


def _people(request: ClinicRequest, wanted: BillFilter) -> str:
    """Return whose bills are asked for: one name, or how many people."""
    if not wanted.patient_ids:
        return ""
    found = list(
        Patient.objects.in_care_of(request.user)
        .filter(pk__in=wanted.patient_ids)
        .only("first_name", "last_name", "patient_id")
    )
    return found[0].full_name if len(found) == 1 else f"{len(found)} patients"

"""Change a draft, confirm its codes, and begin a bill by hand or again."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import queries
from billing.bills import line_pages
from billing.doors import get_bill
from billing.drafts import new_bills
from billing.drafts import page as draft_page
from billing.drafts.forms import NewBillForm
from billing.errors import BadAmount, BadDetail, BadLine, Stale
from billing.models import Bill
from billing.services import drafting, editing
from patients.finding.search import search_patients
from scheduling.queries import list_doctors_for
from sessions_app.models import ConsultationSession
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.errors import Conflict, DomainError
from synapse.web.http import ClinicRequest, next_page_of, render_page

Status = Bill.Status
MOST_FOUND = 8


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def edit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Change the lines and the rest of a draft; a step changes the form and saves nothing."""
    bill = get_bill(request.user, pk)
    if bill.status != Status.PENDING:
        raise Conflict("This bill has its number and its lines are fixed.")
    # The page asks for its totals in the background while one types; saving sends the whole page.
    step = request.POST.get("step") or ("totals" if request.method == "POST" and request.htmx else "")
    record_read(request, target=bill, patient_id=bill.patient_id, poll=bool(step))
    if request.method == "GET":
        page = draft_page.open_page(bill, request.user)
    elif step:
        page = draft_page.take_step(bill, request.POST, step, request.user)
    else:
        return _save(request, bill)
    fragment = "billing/_draft_totals.html" if step == "totals" else "billing/_draft_form.html"
    return render_page(request, "billing/edit.html", page.context(), fragment=fragment if step else None)


def _save(request: ClinicRequest, bill: Bill) -> HttpResponse:
    page = draft_page.read_page(bill, request.POST, request.user)
    if not (page.form.is_valid() and page.lines.is_valid()):
        return render_page(request, "billing/edit.html", page.context(), status=422)
    lines, details, confirm = page.lines.lines(), page.form.details(), "confirm" in request.POST
    bad = editing.find_bad_lines(bill, lines, diagnosis_count=len(draft_page.codes_in(details)))
    if bad:
        for place, words in bad:
            page.lines.line_forms()[place].add_error("reason" if "minutes" in words else None, words)
        return render_page(request, "billing/edit.html", page.context(), status=422)
    version = page.form.cleaned_data["version"]
    try:
        editing.edit_lines(
            bill,
            lines=lines,
            **page.form.terms(),
            **details,
            version=version,
            confirm=confirm,
            by=request.user,
            at=timezone.now(),
        )
    except BadDetail as error:
        page.form.add_error(error.field, str(error))
        return render_page(request, "billing/edit.html", page.context(), status=422)
    except (BadAmount, BadLine) as error:
        page.form.add_error(None, str(error))
        return render_page(request, "billing/edit.html", page.context(), status=422)
    except Stale:
        # The next press saves what is shown here over it; what the other person saved is shown beside it.
        stored = get_bill(request.user, bill.pk)
        context = {**page.context(), **line_pages.lines_context(stored, request.user), "theirs": stored}
        context["version"] = editing.version_of(stored)
        return render_page(request, "billing/edit.html", context, status=409)
    messages.success(request, "Bill saved and codes confirmed." if confirm else "Bill saved.")
    return redirect("billing:detail", bill.pk)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def price_of_code(request: ClinicRequest, pk: UUID) -> JsonResponse:
    """Say what the fee schedule calls a code and asks for it, for a line that is being written."""
    bill = get_bill(request.user, pk)
    line = draft_page.prices_for(bill)(request.POST.get("code", "").strip().upper()[:20])
    if line is None:
        return JsonResponse({})
    price = "" if line.price_missing else f"{line.unit_price:f}"
    rate = "" if line.tax_rate is None else f"{line.tax_rate:f}"
    return JsonResponse({"description": line.description, "unit_price": price, "tax_rate": rate})


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def confirm_codes(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Confirm the codes of a bill as they stand; a card of another page is drawn again in its place."""
    bill = get_bill(request.user, pk)
    editing.confirm_codes(bill, by=request.user, at=timezone.now())
    if request.htmx:
        return render_page(request, "billing/_suggested.html", line_pages.suggested_context(bill, request.user))
    messages.success(request, "Codes confirmed.")
    if "next" in request.POST:
        return redirect(next_page_of(request))
    return redirect("billing:detail", bill.pk)


@require_GET
@requires(Permission.VIEW_BILLS)
def for_session(request: ClinicRequest, session_pk: UUID) -> HttpResponse:
    """Show what a session's draft bill says, for its clinician to confirm: a card of the session's pages."""
    session = get_object_or_404(ConsultationSession.objects.visible_to(request.user), pk=session_pk)
    bill = queries.list_bills(request.user).filter(session=session).exclude(status=Status.CANCELLED).first()
    if bill is None:
        return HttpResponse(status=204)
    record_read(request, target=bill, patient_id=bill.patient_id, detail={"part": "codes"}, poll=True)
    return render_page(request, "billing/_suggested.html", line_pages.suggested_context(bill, request.user))


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def draft_of_visit(request: ClinicRequest, visit_pk: UUID) -> HttpResponse:
    """Draft the bill of a visit nobody recorded, and go back to where the patient is standing."""
    visits = new_bills.visits_to_bill(request.user).select_related("patient__merged_into", "doctor", "session__doctor")
    visit = get_object_or_404(visits, pk=visit_pk)
    whose = {"session": visit.session} if visit.session else {"appointment": visit}
    drafting.draft_by_hand(visit.patient, doctor=None, bill_type=None, **whose, by=request.user, at=timezone.now())
    messages.success(request, "The bill is drafted.")
    return redirect(next_page_of(request))


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def new(request: ClinicRequest) -> HttpResponse:
    """Begin a bill by hand: find the patient, then say what is billed."""
    wanted = request.POST.get("patient") or request.GET.get("patient") or ""
    patient = new_bills.find_patient(request.user, wanted)
    if patient is None:
        return _find_patient(request)
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "bills"})
    unbilled = new_bills.list_unbilled(request.user, patient)
    doctors = list_doctors_for(request.user)
    sent = request.POST if "bill_type" in request.POST else None
    initial = {
        "doctor": request.user if request.user in doctors else None,
        "visit": unbilled[0].key if unbilled else "",
    }
    form = NewBillForm(sent, doctors=doctors, visits=[(each.key, each.label) for each in unbilled], initial=initial)
    if form.is_valid():
        chosen = next((each for each in unbilled if each.key == form.cleaned_data["visit"]), None)
        try:
            bill = drafting.draft_by_hand(
                patient,
                doctor=chosen.doctor if chosen else form.cleaned_data["doctor"],
                bill_type=form.cleaned_data["bill_type"],
                session=chosen.session if chosen else None,
                appointment=chosen.appointment if chosen else None,
                by=request.user,
                at=timezone.now(),
            )
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            return redirect("billing:edit", bill.pk)
    return render_page(request, "billing/new.html", {"patient": patient, "has_unbilled": bool(unbilled)}, form=form)


def _find_patient(request: ClinicRequest) -> HttpResponse:
    """Show the search; what is typed stays out of addresses and logs."""
    text = request.POST.get("query", "").strip()
    context: dict[str, Any] = {"has_text": bool(text), "query": text, "is_chosen_missing": request.method == "POST"}
    if text:
        clinic = ClinicSettings.load()
        today = clinic.date_of(timezone.now())
        hits = search_patients(text, by=request.user, region=clinic.region, today=today, limit=MOST_FOUND)
        context |= {"patients": [hit.patient for hit in hits], "region": clinic.region}
        record_read(request, action=Action.SEARCH, subjects=[hit.patient.pk for hit in hits])
    return render_page(request, "billing/new.html", context)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def draft_again(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Draft a new bill of the session whose bill was cancelled."""
    bill = get_bill(request.user, pk)
    if bill.session is None or bill.status != Status.CANCELLED:
        raise Conflict("Only the session of a cancelled bill is billed again.")
    again = drafting.draft_bill_for_session(bill.session, by=request.user, at=timezone.now())
    return redirect("billing:detail", again.pk)

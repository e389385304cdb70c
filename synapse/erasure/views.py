"""Pages of administrators: holds and the erasure of one record, what waits, and how long everything is kept."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from patients import holds
from patients.models import LegalHold, Patient
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit.models import Action
from synapse.audit.services import record_denial, record_read
from synapse.common.errors import DomainError
from synapse.erasure import certificates, gates, purging, queries, services
from synapse.erasure.forms import ErasureForm, HoldForm
from synapse.erasure.models import Erasure
from synapse.web.http import ClinicRequest, render_page

MOST_SHOWN = 50


@require_GET
@requires(Permission.ERASE_PATIENTS)
def index(request: ClinicRequest) -> HttpResponse:
    """Show what waits to be erased, what could be, and what was."""
    due = list(queries.due_records(request.user)[:MOST_SHOWN])
    record_read(request, subjects=[patient.pk for patient in due], detail={"page": "erasures"})
    until = gates.kept_until_by_record(due)
    context = {
        "due": [(patient, until[patient.pk]) for patient in due],
        "waiting": queries.open_erasures(request.user)[:MOST_SHOWN],
        "past": queries.past_erasures(request.user)[:MOST_SHOWN],
    }
    return render_page(request, "erasure/index.html", context)


@require_GET
@requires(Permission.ERASE_PATIENTS)
def periods(request: ClinicRequest) -> HttpResponse:
    """Show how long each kind of thing is kept, and how many are past it."""
    return render_page(request, "erasure/periods.html", {"rows": purging.read_table(timezone.now())})


@require_GET
@requires(Permission.ERASE_PATIENTS)
def patient(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what holds a record and what became of its erasure; of an erased one that is all there is."""
    return _page(request, _in_scope(request, pk))


@require_POST
@requires(Permission.ERASE_PATIENTS)
def place_hold(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Keep the record from being destroyed."""
    found = _in_scope(request, pk)
    form = HoldForm(request.POST)
    if not form.is_valid():
        return _page(request, found, hold_form=form)
    holds.place_hold(found, reason=form.cleaned_data["reason"], by=request.user, at=timezone.now())
    messages.success(request, "The record is held. Nothing of it is erased until the hold is released.")
    return redirect("erasure:patient", pk=pk)


@require_POST
@requires(Permission.ERASE_PATIENTS)
@fresh_proof_required
def release_hold(request: ClinicRequest, pk: UUID, hold_pk: UUID) -> HttpResponse:
    """End a hold."""
    found = _in_scope(request, pk)
    hold = get_object_or_404(LegalHold.objects.filter(patient__in=found.records()), pk=hold_pk)
    holds.release_hold(hold, by=request.user, at=timezone.now())
    messages.success(request, "The hold is released.")
    return redirect("erasure:patient", pk=pk)


@require_POST
@requires(Permission.ERASE_PATIENTS)
@fresh_proof_required
def ask(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the record is to be erased."""
    found = _in_scope(request, pk)
    form = ErasureForm(request.POST)
    if form.is_valid():
        try:
            services.request_erasure(found, **form.cleaned_data, by=request.user, at=timezone.now())
        except services.NotNow as refusal:
            record_denial(request, target=found, patient_id=found.pk, reason=refusal.code)
            form.add_error(None, refusal.message)
        else:
            messages.success(request, "Noted. Nothing is erased yet.")
            return redirect("erasure:patient", pk=pk)
    return _page(request, found, form=form)


@require_POST
@requires(Permission.ERASE_PATIENTS)
def withdraw(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take a request back."""
    erasure = _erasure(request, pk)
    services.withdraw_erasure(erasure, by=request.user, at=timezone.now())
    messages.success(request, "The request is taken back.")
    return redirect("erasure:patient", pk=erasure.patient_id)


@require_POST
@requires(Permission.ERASE_PATIENTS)
@fresh_proof_required
def carry_out(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Erase the record for good."""
    erasure = _erasure(request, pk)
    try:
        certificate = services.carry_out(erasure, by=request.user, at=timezone.now())
    except DomainError as refusal:
        record_denial(request, target=erasure, patient_id=erasure.patient_id, reason=refusal.code)
        messages.error(request, refusal.message)
    else:
        messages.success(request, f"Erased. The certificate is {certificate.number}.")
    return redirect("erasure:patient", pk=erasure.patient_id)


@require_GET
@requires(Permission.ERASE_PATIENTS)
def certificate(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Download the certificate."""
    erasure = get_object_or_404(queries.past_erasures(request.user), pk=pk)
    record_read(request, target=erasure.certificate, action=Action.EXPORT, patient_id=erasure.patient_id)
    content = certificates.pdf(erasure.certificate, at=timezone.now())
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{erasure.certificate.number}.pdf"'
    return response


def _page(
    request: ClinicRequest, found: Patient, *, form: ErasureForm | None = None, hold_form: HoldForm | None = None
) -> HttpResponse:
    now = timezone.now()
    record_read(request, target=found, patient_id=found.pk, detail={"page": "erasure"})
    erasures = list(queries.erasures_of(found))
    waiting = next((erasure for erasure in erasures if erasure.is_open), None)
    done = next((erasure for erasure in erasures if erasure.carried_out_at), None)
    context = {
        "patient": found,
        "holds": queries.holds_of(found),
        "kept_until": None if found.erased_at else gates.kept_until(found),
        "refusals": [] if found.erased_at else gates.refusals(found, now),
        "waiting": waiting,
        "left_behind": queries.left_behind(found),
        "past": [erasure for erasure in erasures if not erasure.is_open],
        "done": done,
        "may_carry_out": waiting is not None and (waiting.requested_by != request.user or waiting.is_cool(now)),
        "cool_off_days": ClinicSettings.load().erasure_cool_off_days,
        "form": form or ErasureForm(),
        "hold_form": hold_form or HoldForm(),
    }
    has_errors = bool((form and form.errors) or (hold_form and hold_form.errors))
    return render_page(request, "erasure/patient.html", context, status=422 if has_errors else 200)


def _in_scope(request: ClinicRequest, pk: UUID) -> Patient:
    return get_object_or_404(queries.records_to_erase(request.user).select_related("merged_into"), pk=pk)


def _erasure(request: ClinicRequest, pk: UUID) -> Erasure:
    return get_object_or_404(Erasure.objects.visible_to(request.user).select_related("patient", "requested_by"), pk=pk)

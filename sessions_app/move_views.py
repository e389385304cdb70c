"""Moving a session to the right patient: find them, see what goes along, say why."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from patients.finding.search import search_patients
from patients.models import Consent, Patient
from patients.queries import live_consent
from sessions_app import forms
from sessions_app.models import ConsultationSession
from sessions_app.scope import session_in_scope
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.errors import DomainError
from synapse.web.http import ClinicRequest, render_page

MOST_FOUND = 8


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_SESSIONS)
def move(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Choose the right patient (`?to=`), see what stands in the way, and move the session."""
    session = session_in_scope(request, pk)
    wanted = request.GET.get("to", "")
    form = forms.MoveForm(request.POST or None, initial={"to": wanted})
    target = _patient(request, request.POST.get("to") or wanted)
    if target is not None and form.is_valid():
        workflows.move_session(session, target, reason=form.cleaned_data["reason"], by=request.user, at=timezone.now())
        messages.success(request, f"{session.session_id} is moved.")
        return redirect("sessions:detail", pk=pk)
    record_read(request, target=session, patient_id=session.patient_id)
    context = {
        "session": session,
        "target": target,
        "obstacle": _obstacle(request, session, target) if target else "",
        "consent": live_consent(target.pk, Consent.Kind.RECORDING, at=timezone.now()) if target else None,
    }
    return render_page(request, "sessions_app/move.html", context, form=form)


@require_POST
@requires(Permission.VIEW_SESSIONS)
def find(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Offer patients the session could belong to; what was typed stays out of addresses and logs."""
    session = session_in_scope(request, pk)
    text = request.POST.get("query", "").strip()
    clinic = ClinicSettings.load()
    today = clinic.date_of(timezone.now())
    hits = search_patients(text, by=request.user, region=clinic.region, today=today, limit=MOST_FOUND) if text else []
    found = [hit.patient for hit in hits if hit.patient.pk != session.patient_id]
    record_read(request, action=Action.SEARCH, subjects=[patient.pk for patient in found])
    context = {"session": session, "patients": found, "has_text": bool(text)}
    return render_page(request, "sessions_app/_move_found.html", context)


def _patient(request: ClinicRequest, wanted: str) -> Patient | None:
    if not wanted:
        return None
    try:
        key = UUID(wanted)
    except ValueError:
        return None
    return get_object_or_404(Patient.objects.visible_to(request.user), pk=key)


def _obstacle(request: ClinicRequest, session: ConsultationSession, target: Patient) -> str:
    """Return the sentence that says why the session cannot go there now; empty when it can."""
    try:
        workflows.check_can_move(session, target, by=request.user, at=timezone.now())
    except DomainError as refusal:
        return refusal.message
    return ""

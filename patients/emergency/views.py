"""Doors of emergency access: find exactly one patient, say why, give the record back."""

from uuid import UUID

from django.contrib import messages
from django.core import signing
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from patients.emergency import services as emergency
from patients.emergency.forms import FindForm, OpenForm
from patients.models import EmergencyAccess, Patient
from synapse.accounts.decorators import requires
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.accounts.throttle import TooManyTries
from synapse.common.errors import Conflict
from synapse.web.http import ClinicRequest, render_page

SALT = "patients.emergency"
FOUND_FOR_SECONDS = 15 * 60


@never_cache
@require_http_methods(["GET", "POST"])
@requires(Permission.OPEN_IN_EMERGENCY)
@fresh_proof_required
def find(request: ClinicRequest) -> HttpResponse:
    """Look for exactly one patient and ask why their record is needed."""
    form = FindForm(request.POST or None)
    status = None
    if form.is_valid():
        try:
            patient = emergency.find_patient(**form.cleaned_data, by=request.user, at=timezone.now())
        except (emergency.NoSuchPatient, TooManyTries, Conflict) as error:
            form.add_error(None, error.message)
            status = error.status
        else:
            return _ask_why(request, patient, OpenForm(initial={"patient": _ticket(patient, request.user)}))
    return render_page(request, "patients/emergency_find.html", form=form, status=status)


@never_cache
@require_POST
@requires(Permission.OPEN_IN_EMERGENCY)
@fresh_proof_required
def open_record(request: ClinicRequest) -> HttpResponse:
    """Open the record that was found, for an hour."""
    form = OpenForm(request.POST)
    patient = _of_ticket(request.POST.get("patient", ""), request.user)
    if patient is None:
        messages.error(request, "That took too long. Look for the patient again.")
        return redirect("patients:emergency")
    if not form.is_valid():
        return _ask_why(request, patient, form)
    emergency.open_record(
        patient,
        kind=form.cleaned_data["kind"],
        reason=form.cleaned_data["reason"],
        by=request.user,
        at=timezone.now(),
    )
    return redirect("patients:detail", pk=patient.pk)


@require_POST
def end(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Close the record before the hour is over."""
    opened = get_object_or_404(EmergencyAccess.objects.visible_to(request.user), pk=pk)
    emergency.end_early(opened, by=request.user, at=timezone.now())
    messages.success(request, "The record is closed again.")
    if opened.doctor_id == request.user.pk:
        return redirect("patients:list")
    return redirect("dashboard:emergency", pk=pk)


def _ask_why(request: ClinicRequest, patient: Patient, form: OpenForm) -> HttpResponse:
    # Enough to be sure that it is the one who was meant, nothing about them.
    context = {"number": patient.patient_id, "initials": patient.initials, "born": patient.date_of_birth.year}
    return render_page(request, "patients/emergency_open.html", context, form=form)


def _ticket(patient: Patient, by: User) -> str:
    return signing.dumps([str(patient.pk), str(by.pk)], salt=SALT)


def _of_ticket(ticket: str, by: User) -> Patient | None:
    """Return the patient whom this person found a moment ago."""
    try:
        patient_id, user_id = signing.loads(ticket, salt=SALT, max_age=FOUND_FOR_SECONDS)
    except signing.BadSignature:
        return None
    return Patient.objects.filter(pk=patient_id).first() if user_id == str(by.pk) else None

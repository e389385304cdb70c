"""Handing patients over to a colleague, one or all, and what became of it."""

from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients import permissions, queries
from patients.forms import HandoverForm
from patients.handover import services as handover
from patients.models import Handover, Patient
from patients.views import patient_in_scope
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_http_methods(["GET", "POST"])
@requires(Permission.SHARE_PATIENTS)
@fresh_proof_required
def one(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Hand one patient over; an administrator says from whom."""
    patient = patient_in_scope(request, pk)
    givers = [opener.doctor for opener in queries.openers_of(patient)]
    if not request.user.may(Permission.VIEW_ALL_PATIENTS):
        givers = [request.user]
    return _hand_over(request, givers, patient)


@require_http_methods(["GET", "POST"])
@requires(Permission.SHARE_PATIENTS)
@fresh_proof_required
def everybody(request: ClinicRequest) -> HttpResponse:
    """Hand all of a doctor's patients over; an administrator says whose (`?doctor=`)."""
    sees_all = request.user.may(Permission.VIEW_ALL_PATIENTS)
    return _hand_over(request, list(queries.doctors()) if sees_all else [request.user], None)


@require_GET
@requires(Permission.SHARE_PATIENTS)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show who covers for whom until when, and which visits are still with the one who is away."""
    found = _in_scope(request, pk)
    now = timezone.now()
    # Whoever may open a record no longer learns nothing here of whose it is.
    visible = Patient.objects.visible_to(request.user)
    patients = visible.filter(accesses__handover=found, merged_into=None).distinct().order_by("patient_id")
    shown = set(visible.filter(accesses__handover=found).values_list("pk", flat=True))
    visits = [visit for visit in workflows.visits_left(found, at=now) if visit.patient.kept_id in shown]
    record_read(request, target=found, subjects={patient.pk for patient in patients})
    context = {
        "handover": found,
        "patients": patients,
        "visits": visits,
        "is_covering": Handover.objects.covering(now).filter(pk=pk).exists(),
        "may_end": permissions.can_hand_over(request.user, found.from_doctor),
    }
    return render_page(request, "patients/handover.html", context)


@require_POST
@requires(Permission.SHARE_PATIENTS)
def end(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """End a cover before its time."""
    ended = handover.end_handover(_in_scope(request, pk), by=request.user, at=timezone.now())
    messages.success(request, f"The cover by {ended.to_doctor.display_name} has ended.")
    return redirect("patients:handover", pk=pk)


def _hand_over(request: ClinicRequest, givers: list[User], patient: Patient | None) -> HttpResponse:
    clinic = ClinicSettings.load()
    form = HandoverForm(
        request.POST or None, givers=givers, today=clinic.date_of(timezone.now()), initial=_initial(request, givers)
    )
    if form.is_valid():
        last_day = form.cleaned_data["last_day"]
        done = workflows.hand_over_patients(
            None if patient is None else [patient],
            from_doctor=form.cleaned_data["from_doctor"],
            to_doctor=form.cleaned_data["to_doctor"],
            ends_at=_end_of(last_day, clinic) if last_day else None,
            reason=form.cleaned_data["reason"],
            move_visits=form.cleaned_data["move_visits"],
            by=request.user,
            at=timezone.now(),
        )
        messages.success(request, _told(done))
        return redirect("patients:handover", pk=done.handover.pk)
    if patient is not None:
        record_read(request, target=patient, patient_id=patient.pk, detail={"page": "hand_over"})
    counts = {giver: handover.own_patients(giver).count() for giver in givers} if patient is None else {}
    back = reverse("patients:sharing", args=[patient.pk]) if patient else reverse("patients:list")
    context = {"patient": patient, "counts": counts, "back": back}
    return render_page(request, "patients/hand_over.html", context, form=form)


def _initial(request: ClinicRequest, givers: list[User]) -> dict[str, object]:
    asked = request.GET.get("doctor", "")
    named = next((giver for giver in givers if str(giver.pk) == asked), None)
    return {"from_doctor": named or (givers[0] if len(givers) == 1 else None), "move_visits": True}


def _end_of(day: date, clinic: ClinicSettings) -> datetime:
    """Return the last minute of a day at the clinic: "until 4 December, 0:00" would be read as all of the 4th."""
    return datetime.combine(day, time(23, 59), tzinfo=ZoneInfo(clinic.timezone))


def _told(done: workflows.HandedOver) -> str:
    who = done.handover.to_doctor.display_name
    moved = f" {done.moved} visit{'' if done.moved == 1 else 's'} moved." if done.moved else ""
    left = f" {len(done.left)} could not be moved: see below." if done.left else ""
    return f"Handed over to {who}.{moved}{left}"


def _in_scope(request: ClinicRequest, pk: UUID) -> Handover:
    rows = Handover.objects.visible_to(request.user).select_related("from_doctor", "to_doctor", "handed_over_by")
    return get_object_or_404(rows, pk=pk)

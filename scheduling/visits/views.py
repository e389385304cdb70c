"""What is done with a visit that is booked: confirm, cancel, move, change, close, begin, take back."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from scheduling import permissions
from scheduling.doors import changed, get_visit, local
from scheduling.forms import CancelForm, EditForm, MoveForm
from scheduling.models import Appointment
from scheduling.series import views as series_views
from scheduling.series.forms import read_scope
from scheduling.services import appointments as services
from scheduling.services import edits, undoing
from scheduling.services.series_cancelling import Scope, cancel_visits
from sessions_app.services import SessionLive
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_POST
@requires(Permission.VIEW_CALENDAR)
def confirm(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the patient will come."""
    visit = services.confirm_appointment(get_visit(request, pk), by=request.user, at=timezone.now())
    return changed(request, visit, "Visit confirmed.")


@require_POST
@requires(Permission.VIEW_CALENDAR)
def no_show(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the patient did not come."""
    visit = services.mark_no_show(get_visit(request, pk), by=request.user, at=timezone.now())
    return changed(request, visit, "Noted that nobody came.", may_undo=True)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def complete(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that a visit took place without a session here."""
    visit = services.complete_appointment(get_visit(request, pk), by=request.user, at=timezone.now())
    return changed(request, visit, "Visit completed.")


@require_POST
@requires(Permission.VIEW_CALENDAR)
def insurance(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the insurance was checked for a visit, or take that back."""
    is_verified = request.POST.get("verified") == "1"
    visit = edits.set_insurance_verified(
        get_visit(request, pk), verified=is_verified, by=request.user, at=timezone.now()
    )
    return changed(request, visit, "Insurance verified." if is_verified else "Insurance is to be verified.")


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def cancel(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Call a visit off, with the reason."""
    visit = get_visit(request, pk)
    permissions.check_can_change(request.user, visit)
    form = CancelForm(request.POST or None)
    if form.is_valid():
        scope, reason = read_scope(request.POST), form.cleaned_data["reason"]
        by_patient = form.cleaned_data["by_patient"]
        gone = cancel_visits(
            visit, scope=scope, reason=reason, by=request.user, at=timezone.now(), by_patient=by_patient
        )
        visit.refresh_from_db()
        if scope != Scope.THIS:
            return changed(request, visit, f"{len(gone)} visits cancelled. Their times are free again.")
        return changed(request, visit, "Visit cancelled. The time is free again.", may_undo=True)
    _record_opening(request, visit, "cancel")
    return render_page(
        request, "scheduling/cancel.html", {"visit": visit}, form=form, fragment="scheduling/_cancel.html"
    )


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def move(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Give a visit another time, length, doctor or room: by the form, or dragged to its place in the calendar."""
    visit = get_visit(request, pk)
    permissions.check_can_change(request.user, visit)
    form = MoveForm(request.POST or None, user=request.user, initial=_place_of(visit))
    refusal: services.SlotTaken | services.NotAvailable | None = None
    further = series_views.change_address(request, visit, form.cleaned_data) if form.is_valid() else None
    if further is not None:
        return HttpResponseClientRedirect(further) if request.htmx else redirect(further)
    if form.is_valid():
        data = form.cleaned_data
        try:
            moved = edits.change_slot(
                visit,
                scheduled_at=data["scheduled_at"],
                duration_minutes=data["duration_minutes"] or visit.duration_minutes,
                doctor=data["doctor"] or visit.doctor,
                room=data["room"] if "room" in request.POST else visit.room,
                reason=data["reason"],
                overbooking_reason=data["overbooking_reason"],
                by=request.user,
                at=timezone.now(),
            )
        except (services.SlotTaken, services.NotAvailable) as error:
            refusal = error
            form.add_error("clock", str(error))
        except services.BadTime as error:
            form.add_error("clock", str(error))
        else:
            return changed(request, moved, _moved_words(visit, moved), may_undo=True)
    _record_opening(request, visit, "move")
    context = {
        "visit": visit,
        "may_overbook": refusal is not None and refusal.may_be_overbooked,
        "has_errors": bool(form.errors),
    }
    return render_page(
        request,
        "scheduling/move.html",
        context,
        form=form,
        fragment="scheduling/_move.html",
        status=409 if refusal else None,
    )


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_CALENDAR)
def edit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Change what is agreed for a visit besides its time."""
    visit = get_visit(request, pk)
    permissions.check_can_change(request.user, visit)
    initial = {name: getattr(visit, name) for name in (*edits.DETAILS, "appointment_type", "room")}
    form = EditForm(request.POST or None, room=visit.room, initial=initial)
    refusal: services.SlotTaken | None = None
    if form.is_valid():
        try:
            edits.edit_appointment(visit, by=request.user, at=timezone.now(), **form.cleaned_data)
        except services.SlotTaken as error:
            refusal = error
            form.add_error("room", str(error))
        else:
            return changed(request, visit, "The visit is changed.")
    _record_opening(request, visit, "edit")
    context = {
        "visit": visit,
        "currency": ClinicSettings.load().currency,
        "may_overbook": refusal is not None,
        "has_errors": bool(form.errors),
    }
    return render_page(
        request,
        "scheduling/edit.html",
        context,
        form=form,
        fragment="scheduling/_edit.html",
        status=409 if refusal else None,
    )


@require_POST
@requires(Permission.VIEW_CALENDAR)
def undo(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take back one's own last move, resizing, cancellation or no-show of a visit."""
    visit = undoing.undo_change(get_visit(request, pk), by=request.user, at=timezone.now())
    return changed(request, visit, f"Back at {local(visit.scheduled_at):%-d %B, %H:%M}.")


@require_POST
@requires(Permission.VIEW_CALENDAR)
def restore(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Let a visit stand again that was cancelled, or marked as missed, by mistake on this day."""
    visit = get_visit(request, pk)
    bring_back = undoing.undo_no_show if visit.status == Appointment.Status.NO_SHOW else undoing.restore_cancelled
    visit = bring_back(visit, by=request.user, at=timezone.now())
    return changed(request, visit, f"Stands again on {local(visit.scheduled_at):%-d %B, %H:%M}.")


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def start(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Begin the consultation of a visit, recorded unless the form says otherwise; an open session comes first."""
    visit = get_visit(request, pk)
    try:
        session = workflows.start_consultation(
            visit.patient_id,
            visit.pk,
            by=request.user,
            at=timezone.now(),
            with_recording="without_recording" not in request.POST,
        )
    except SessionLive as error:
        messages.error(request, error.message)
        return redirect("sessions:detail", error.session_id)
    return redirect("sessions:detail", session.pk)


def _place_of(visit: Appointment) -> dict[str, Any]:
    start = local(visit.scheduled_at)
    return {
        "day": start.date(),
        "clock": start.time(),
        "duration_minutes": visit.duration_minutes,
        "doctor": visit.doctor_id,
        "room": visit.room_id,
    }


def _moved_words(before: Appointment, after: Appointment) -> str:
    if after.pk != before.pk:
        return f"Moved to {local(after.scheduled_at):%-d %B, %H:%M}."
    return f"Now until {local(after.ends_at):%H:%M}."


def _record_opening(request: ClinicRequest, visit: Appointment, part: str) -> None:
    """Record that a form names the patient of a visit."""
    record_read(request, target=visit, patient_id=visit.patient_id, detail={"part": part}, poll=True)

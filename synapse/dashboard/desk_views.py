"""The page of the front desk, the menu of a row, and what is pressed there."""

from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import trigger_client_event

from scheduling import permissions
from scheduling.changes import calendar_revision
from scheduling.doors import changed, get_visit
from scheduling.forms import current_zone
from scheduling.models import Appointment, WalkIn
from scheduling.services import appointments, desk, stages
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.errors import Conflict
from synapse.dashboard.desk import read_desk
from synapse.dashboard.desk_rows import short_money
from synapse.web.http import ClinicRequest, next_page_of, render_page


@require_GET
@requires(Permission.MANAGE_ALL_APPOINTMENTS)
def front_desk(request: ClinicRequest) -> HttpResponse:
    """Show the day; htmx asks for the part that changes."""
    now, zone = timezone.now(), current_zone()
    day = read_desk(request.user, zone=zone, now=now, doctor_id=_uuid_or_none(request.GET.get("doctor", "")))
    record_read(request, target=("desk", day.day.isoformat()), subjects=day.patient_ids, poll=bool(request.htmx))
    address = reverse("dashboard:desk")
    context = {
        "desk": day,
        "taken": short_money(day.taken, day.currency),
        "address": f"{address}?{urlencode({'doctor': day.doctor.pk})}" if day.doctor else address,
    }
    return render_page(request, "dashboard/desk.html", context, fragment="dashboard/_desk.html")


@require_GET
@requires(Permission.VIEW_CALENDAR)
def revision(request: ClinicRequest) -> HttpResponse:
    """Say how often the calendar has changed: an open page looks whether it is still true."""
    return HttpResponse(str(calendar_revision()), content_type="text/plain")


@require_GET
@requires(Permission.VIEW_CALENDAR)
def row_menu(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Offer everything that can be done with a visit now."""
    visit, now = get_visit(request, pk), timezone.now()
    record_read(request, target=visit, patient_id=visit.patient_id, detail={"part": "menu"}, poll=True)
    is_open = visit.status in Appointment.OPEN
    has_begun = visit.session is not None and not appointments.can_start(visit)
    last = stages.stage_of(visit)
    context = {
        "visit": visit,
        "region": ClinicSettings.load().region,
        "is_coming": is_open and last is None,
        "can_confirm": is_open and visit.status == Appointment.Status.SCHEDULED and last is None,
        "can_show_in": is_open and last == stages.ARRIVED,
        "can_note_seen": last == stages.IN_ROOM and not has_begun,
        "can_remind": is_open and last is None and visit.scheduled_at > now,
        "is_asked": visit.patient_asked_at is not None,
        "can_move": is_open and not has_begun and last in (None, stages.ARRIVED),
        "can_miss": is_open and last is None and visit.scheduled_at <= now,
        "undo": last if last is not None and stages.can_undo(visit) else None,
        "bill": visit.bills.first() or (visit.session.bills.first() if visit.session else None),
    }
    return render_page(request, "dashboard/desk_menu.html", context, fragment="dashboard/_desk_menu.html")


@require_POST
@requires(Permission.VIEW_CALENDAR)
def check_in(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the patient is here."""
    return _press(request, pk, stages.check_in, "Checked in.")


@require_POST
@requires(Permission.VIEW_CALENDAR)
def show_in(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the patient went into the room."""
    return _press(request, pk, stages.show_in, "In the room.")


@require_POST
@requires(Permission.VIEW_CALENDAR)
def seen(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the consultation is over."""
    return _press(request, pk, stages.seen, "Seen.")


@require_POST
@requires(Permission.VIEW_CALENDAR)
def undo_stage(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take the last stage back, if it is still the one the page showed."""
    shown = next((stage for stage in stages.STAGES if stage.verb == request.POST.get("stage")), None)
    if shown is None:
        raise Conflict("Say which stage is taken back.")

    undo = partial(stages.undo_stage, stage=shown)
    return _press(request, pk, undo, f"Taken back: {shown.word}.")


@require_POST
@requires(Permission.VIEW_CALENDAR)
def called(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the patient was rung."""
    return _press(request, pk, desk.note_call, "Noted that you called.")


@require_POST
@requires(Permission.MANAGE_ALL_APPOINTMENTS)
def walk_in_left(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that somebody without a name left again."""
    walk_in = get_object_or_404(WalkIn.objects.visible_to(request.user), pk=pk)
    desk.dismiss_walk_in(walk_in, by=request.user, at=timezone.now())
    said = "Noted that they left."
    if request.htmx:
        return trigger_client_event(HttpResponse(status=204), "calendar-changed", {"message": said})
    messages.success(request, said)
    return redirect(next_page_of(request))


def _press(request: ClinicRequest, pk: UUID, change: Callable[..., Appointment], said: str) -> HttpResponse:
    """Change a visit in scope; without htmx go back to the page that asked."""
    visit = get_visit(request, pk)
    permissions.check_can_change(request.user, visit)
    change(visit, by=request.user, at=timezone.now())
    if request.htmx:
        return changed(request, visit, said)
    messages.success(request, said)
    return redirect(next_page_of(request))


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

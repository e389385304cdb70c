"""What the doors of the calendar share: fetching a visit in scope, the address it is seen at, the answer to a change."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django_htmx.http import trigger_client_event

from scheduling.forms import current_zone
from scheduling.models import Appointment
from synapse.web.http import ClinicRequest


def get_visit(request: ClinicRequest, pk: UUID) -> Appointment:
    visits = Appointment.objects.visible_to(request.user).select_related(
        "patient", "doctor", "session", "room", "series"
    )
    return get_object_or_404(visits, pk=pk)


def local(moment: datetime) -> datetime:
    return moment.astimezone(current_zone())


def calendar_of(visit: Appointment) -> str:
    return f"{reverse('scheduling:calendar')}?day={local(visit.scheduled_at).date().isoformat()}"


def changed(request: ClinicRequest, visit: Appointment, message: str, *, may_undo: bool = False) -> HttpResponse:
    """Answer a change of a visit: to htmx an empty answer with an event, else the calendar with the message.

    `visit` is the one as it is now; the event "calendar-changed" carries its id, the message and, when this person may
    take the change back, the address that does.
    """
    if not request.htmx:
        messages.success(request, message)
        return redirect(calendar_of(visit))
    told = {"visit": str(visit.pk), "message": message}
    if may_undo:
        told["undo"] = reverse("scheduling:undo", args=[visit.pk])
    return trigger_client_event(HttpResponse(status=204), "calendar-changed", told)

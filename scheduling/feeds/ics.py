"""Write visits for calendar programs (RFC 5545). Nothing clinical, and no name unless it is asked for.

A file is published, not an invitation: with METHOD:REQUEST calendar programs would show buttons whose answers go by
e-mail to an address nobody reads; patients answer with the link in the message instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from scheduling import queries
from scheduling.models import Appointment, TimeOff
from synapse.accounts.models import ClinicSettings, User

if TYPE_CHECKING:
    from icalendar import Calendar, Event

PRODUCT = "-//SynapseAI//Calendar//EN"
CONTENT_TYPE = "text/calendar; charset=utf-8"

Status = Appointment.Status


def ics_for_visit(appointment: Appointment, *, with_names: bool = False) -> bytes:
    """Return one visit as a file a calendar program takes in.

    A moved visit keeps its UID and gets a higher SEQUENCE, so the entry moves; a cancelled one takes the entry away.
    `with_names` puts the patient's name into the title instead of the clinic's: for the clinician's own calendar.
    """
    visit = _newest(appointment)
    is_cancelled = visit.status == Status.CANCELLED
    calendar = new_calendar(method="CANCEL" if is_cancelled else "PUBLISH")
    for event in visit_events([visit], with_names=with_names):
        calendar.add_component(event)
    return to_bytes(calendar)


def feed_calendar(
    doctor: User, visits: Iterable[Appointment], away: Iterable[TimeOff], *, with_names: bool
) -> Calendar:
    """Return a clinician's whole calendar, for a program that reads it again and again."""
    calendar = new_calendar(method="PUBLISH")
    name = f"{doctor.display_name}, {clinic_name_of(doctor, ClinicSettings.load())}"
    # A name of ours for programs is written as it is: a line break in it would break the file.
    calendar.add("X-WR-CALNAME", " ".join(name.split()))
    calendar.add("X-PUBLISHED-TTL", "PT15M")
    for event in visit_events(visits, with_names=with_names):
        calendar.add_component(event)
    for row in away:
        calendar.add_component(_away_event(row))
    return calendar


def new_calendar(*, method: str) -> Calendar:
    """Return an empty calendar of ours."""
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("PRODID", PRODUCT)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", method)
    return calendar


def to_bytes(calendar: Calendar) -> bytes:
    content: bytes = calendar.to_ical()
    return content


def visit_events(visits: Iterable[Appointment], *, with_names: bool) -> list[Event]:
    """Return an entry for each visit; times are in UTC, which every program shows in its reader's zone."""
    visits = list(visits)
    clinic = ClinicSettings.load()
    moves = queries.trace_moves(visits)
    return [_event(visit, *moves[visit.pk], clinic=clinic, with_names=with_names) for visit in visits]


def _event(visit: Appointment, first_id: UUID, moves: int, *, clinic: ClinicSettings, with_names: bool) -> Event:
    from icalendar import Event
    from icalendar.prop import vCalAddress, vText

    is_cancelled = visit.status == Status.CANCELLED
    name = clinic_name_of(visit.doctor, clinic)
    event = Event()
    event.add("UID", uid_of(first_id))
    # Two for each move: a visit that is booked again after its cancellation still rises.
    event.add("SEQUENCE", 2 * moves + (1 if is_cancelled else 0))
    event.add("DTSTAMP", visit.updated_at.astimezone(UTC))
    event.add("DTSTART", visit.scheduled_at.astimezone(UTC))
    event.add("DTEND", visit.ends_at.astimezone(UTC))
    event.add("SUMMARY", visit.patient.full_name if with_names else name)
    event.add("LOCATION", _place(visit, clinic))
    event.add("STATUS", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("TRANSP", "OPAQUE")
    event.add("CLASS", "PRIVATE")
    organizer = vCalAddress(f"MAILTO:{clinic.email or settings.DEFAULT_FROM_EMAIL.rpartition('<')[2].rstrip('>')}")
    organizer.params["CN"] = vText(name)
    event.add("ORGANIZER", organizer)
    return event


def _away_event(row: TimeOff) -> Event:
    """Return a time off; its kind says enough, since its title may name somebody."""
    from icalendar import Event

    event = Event()
    event.add("UID", uid_of(row.pk))
    event.add("DTSTAMP", row.updated_at.astimezone(UTC))
    event.add("DTSTART", row.starts_at.astimezone(UTC))
    event.add("DTEND", row.ends_at.astimezone(UTC))
    event.add("SUMMARY", row.get_kind_display())
    event.add("TRANSP", "OPAQUE")
    return event


def uid_of(row_id: UUID) -> str:
    """Return the name an entry keeps for good."""
    return f"{row_id}@{urlsplit(settings.BASE_URL).hostname}"


def clinic_name_of(doctor: User, clinic: ClinicSettings) -> str:
    """Return the name a patient knows this place by: the doctor's own clinic, else the installation's."""
    profile = getattr(doctor, "profile", None)
    return (profile.clinic_name if profile else "") or clinic.name


def _place(visit: Appointment, clinic: ClinicSettings) -> str:
    if visit.appointment_type == Appointment.Type.TELEMEDICINE:
        return "Video call"
    profile = getattr(visit.doctor, "profile", None)
    address: str = (profile.clinic_address if profile and profile.clinic_name else "") or clinic.address
    return ", ".join(line.strip() for line in address.splitlines() if line.strip())


def _newest(visit: Appointment) -> Appointment:
    """Return the visit a moved one became: all of them are one entry."""
    while visit.status == Status.RESCHEDULED and visit.rescheduled_to is not None:
        visit = visit.rescheduled_to
    return visit

"""Models of the calendar, by what they are about."""

from scheduling.models.appointment import Appointment, AppointmentManager, AppointmentQuerySet
from scheduling.models.availability import Holiday, Room, TimeOff, VisitDefault, WorkingHours
from scheduling.models.feeds import BusyCalendar, CalendarFeed
from scheduling.models.messages import AppointmentLink, AppointmentMessage
from scheduling.models.series import AppointmentSeries
from scheduling.models.waiting import FreedSlot, SlotOffer, WaitingEntry
from scheduling.models.walk_ins import WalkIn

__all__ = [
    "Appointment",
    "AppointmentLink",
    "AppointmentManager",
    "AppointmentMessage",
    "AppointmentQuerySet",
    "AppointmentSeries",
    "BusyCalendar",
    "CalendarFeed",
    "FreedSlot",
    "Holiday",
    "Room",
    "SlotOffer",
    "TimeOff",
    "VisitDefault",
    "WaitingEntry",
    "WalkIn",
    "WorkingHours",
]

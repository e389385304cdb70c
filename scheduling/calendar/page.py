"""What a calendar page was asked for, from its address, and what goes around the board."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from patients.queries import doctors
from scheduling import queries
from scheduling.calendar import boards, day_lists
from scheduling.calendar.boards import Asked
from scheduling.calendar.layout import day_bounds, month_weeks, week_of
from scheduling.calendar.looks import LEGEND, tones_of
from scheduling.forms import current_zone
from scheduling.models import Room
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.web.http import ClinicRequest

VIEWS = (
    ("day", "Day", "d"),
    ("week", "Week", "w"),
    ("doctors", "By doctor", "b"),
    ("month", "Month", "m"),
    ("agenda", "Agenda", "a"),
)
NAMES = [name for name, _, _ in VIEWS]
STEP_NAMES = {"week": "week", "month": "month", "agenda": "week"}
GRIDS = {"day": boards.day_board, "week": boards.week_board, "doctors": boards.doctors_board}
PAGE_KEYS = (
    ("N", "New appointment"),
    ("T", "Today"),
    ("D W B M A", "Day, week, by doctor, month, agenda"),
    ("← →", "The days before and after"),
    ("↑ ↓ ← →", "On a visit: the visits beside it"),
    ("Enter", "On a visit: open it"),
    ("M", "On a visit: move it"),
    ("Z", "Undo the last change"),
)


@dataclass(frozen=True)
class Page:
    """A view of the calendar on a day, for a reader."""

    view: str
    day: date
    asked: Asked
    offered: Sequence[User]

    @property
    def days(self) -> tuple[date, date]:
        """Return the first and the last day the view shows."""
        return _days_of(self.view, self.day)

    @property
    def filters(self) -> list[tuple[str, str]]:
        """Return the clinicians and rooms chosen, as the address names them; nothing when all are shown."""
        chosen = [("room", str(pk)) for pk in sorted(self.asked.chosen_rooms, key=str)]
        if len(self.asked.chosen) < len(self.offered):
            chosen += [("doctor", str(doctor.pk)) for doctor in self.asked.chosen]
        return chosen

    @property
    def target(self) -> tuple[str, str]:
        """Return what the trail says was read: view, day, and a short sum of the filters."""
        narrowed = f" {zlib.crc32(repr(self.filters).encode()):x}" if self.filters else ""
        return "calendar", f"{self.view} {self.day.isoformat()}{narrowed}"


def read_page(request: ClinicRequest, *, now: datetime) -> Page:
    """Return what the address asks for; what is unreadable or not for this person falls back to the usual."""
    zone, clinic = current_zone(), ClinicSettings.load()
    view = _read_view(request)
    day = _read_day(request.GET.get("day"), now.astimezone(zone).date())
    everybody = list(doctors())
    may_see_all = request.user.may(Permission.MANAGE_ALL_APPOINTMENTS)
    if may_see_all:
        start, end = (day_bounds(each, zone)[edge] for edge, each in enumerate(_days_of(view, day)))
        everybody += queries.list_former_doctors(start, end, present=everybody)
    # A colleague's day is free or busy; a week of that would say nothing.
    offered = everybody if may_see_all or view == "doctors" else [each for each in everybody if each == request.user]
    named = request.GET.getlist("doctor")
    chosen = [doctor for doctor in offered if str(doctor.pk) in named] or offered
    rooms = list(Room.objects.all())
    asked_rooms = request.GET.getlist("room")
    asked = Asked(
        user=request.user,
        everybody=everybody,
        chosen=chosen,
        rooms=rooms,
        chosen_rooms=frozenset(room.pk for room in rooms if str(room.pk) in asked_rooms),
        zone=zone,
        now=now,
        clinic=clinic,
    )
    return Page(view, day, asked, offered)


def draw(page: Page) -> tuple[dict[str, Any], set[UUID]]:
    """Return the context of the view and whose data it shows."""
    if page.view in GRIDS:
        board = GRIDS[page.view](page.asked, page.day)
        # Sunday is named only when it is drawn.
        return {"board": board, "last": board.columns[-1].day}, board.patient_ids
    if page.view == "month":
        weeks = day_lists.month_days(page.asked, page.day)
        days = [day for week in weeks for day in week]
        return {"month": weeks}, _patients_of(days)
    days = day_lists.agenda_days(page.asked, *page.days)
    return {"agenda": days}, _patients_of(days)


def surroundings(page: Page, *, revision: int) -> dict[str, Any]:
    """Return what stands around the view: where it leads, whom it can show, what its marks mean."""
    first, last = page.days
    asked = page.asked
    start, end = day_bounds(first, asked.zone)[0], day_bounds(last, asked.zone)[1]
    counts = queries.count_by_doctor(asked.user, start, end, rooms=asked.chosen_rooms)
    tones = tones_of(asked.everybody)
    previous, following = _steps(page)
    return {
        "view": page.view,
        "views": VIEWS,
        "day": page.day,
        "today": asked.today,
        "now": asked.now,
        "first": first,
        "last": last,
        "days": week_of(page.day),
        "weeks": month_weeks(page.day),
        "month_before": _month_after(page.day, -1),
        "month_after": _month_after(page.day, 1),
        "previous": previous,
        "next": following,
        "step_name": STEP_NAMES.get(page.view, "day"),
        "doctors": [
            (doctor, tones[doctor.pk], doctor in asked.chosen, counts.get(doctor.pk, 0)) for doctor in page.offered
        ],
        "may_filter": len(page.offered) > 1,
        "rooms": [(room, room.pk in asked.chosen_rooms) for room in asked.rooms if room.is_active],
        "filters": f"&{urlencode(page.filters)}" if page.filters else "",
        "legend": LEGEND,
        "page_keys": PAGE_KEYS,
        "revision": revision,
    }


def _days_of(view: str, day: date) -> tuple[date, date]:
    if view == "week":
        return week_of(day)[0], week_of(day)[-1]
    if view == "month":
        weeks = month_weeks(day)
        return weeks[0][0], weeks[-1][-1]
    if view == "agenda":
        return day, day + timedelta(days=day_lists.AGENDA_DAYS - 1)
    return day, day


def _patients_of(days: Sequence[day_lists.Day]) -> set[UUID]:
    return {visit.appointment.patient_id for day in days for visit in day.visits}


def _steps(page: Page) -> tuple[date, date]:
    if page.view == "month":
        return _month_after(page.day, -1), _month_after(page.day, 1)
    step = timedelta(days=7 if page.view in STEP_NAMES else 1)
    return page.day - step, page.day + step


def _month_after(day: date, months: int) -> date:
    """Return the first day of another month."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _read_day(text: str | None, today: date) -> date:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return today
    # The ends of the calendar have no week around them.
    return day if 1900 <= day.year <= 2200 else today


def _read_view(request: ClinicRequest) -> str:
    """Return the view asked for, else the one looked at last, else the role's: the desk works by the day."""
    asked = request.GET.get("view", "")
    if asked in NAMES:
        if request.session.get("calendar_view") != asked:
            request.session["calendar_view"] = asked
        return asked
    usual = "doctors" if request.user.may(Permission.MANAGE_ALL_APPOINTMENTS) else "week"
    remembered = request.session.get("calendar_view", usual)
    return remembered if remembered in NAMES else usual

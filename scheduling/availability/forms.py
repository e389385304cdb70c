"""Forms about hours, rooms, holidays, time off and lengths of visits."""

from collections.abc import Iterable, Mapping
from datetime import date, time
from itertools import pairwise
from typing import Any

from django import forms
from django.utils import timezone

from scheduling.calendar.layout import NoSuchTime, at_wall_clock, day_bounds
from scheduling.forms import REAL_DAYS, current_zone
from scheduling.models import Appointment, Room, TimeOff, WorkingHours
from scheduling.queries import list_doctors_for
from scheduling.series.recurrence import WEEKDAYS
from scheduling.services.closures import list_countries
from scheduling.services.hours import Line
from scheduling.services.slot_checks import LONGEST_MINUTES, SHORTEST_MINUTES
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.web.forms import PlainMessages

LONGEST_TITLE = 120
# Whoever enters time off may say anything but what an imported calendar says.
ENTERED_KINDS = [choice for choice in TimeOff.Kind.choices if choice[0] != TimeOff.Kind.IMPORTED]
FEWEST_BREAKS = 2
COPIED_TO = range(1, 5)


def _clock(label: str) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        required=False,
        widget=forms.TimeInput({"type": "time", "step": 300}, format="%H:%M"),
        error_messages={"invalid": "Enter a time, like 9:30"},
    )


def _day(label: str, **options: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        validators=REAL_DAYS,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a real day"},
        **options,
    )


class DayForm(forms.Form):
    """The hours of one weekday: from, to, breaks between them, and the room. Empty times are a day off."""

    starts = _clock("From")
    ends = _clock("To")
    room = forms.ModelChoiceField(Room.objects.filter(is_active=True), empty_label="Any room", required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        weekday: int,
        initial: dict[str, Any],
        breaks: int = FEWEST_BREAKS,
    ) -> None:
        super().__init__(data, prefix=f"d{weekday}", initial=initial)
        self.weekday, self.name, self.breaks = weekday, WEEKDAYS[weekday], breaks
        for number in range(breaks):
            self.fields[f"break{number}_starts"] = _clock("Break from")
            self.fields[f"break{number}_ends"] = _clock("to")

    @property
    def break_fields(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"break{number}_starts"], self[f"break{number}_ends"]) for number in range(self.breaks)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        pairs = [("starts", "ends"), *((f"break{n}_starts", f"break{n}_ends") for n in range(self.breaks))]
        for first, last in pairs:
            starts, ends = cleaned.get(first), cleaned.get(last)
            if (starts is None) != (ends is None) and not self.errors.keys() & {first, last}:
                self.add_error(first if starts is None else last, "Enter both times, or neither")
            elif starts is not None and ends is not None and starts >= ends:
                self.add_error(last, "Enter an end after the beginning")
        if cleaned.get("starts") is None and any(cleaned.get(first) for first, _ in pairs[1:]):
            self.add_error("starts", "Enter the hours around the break")
        return cleaned

    def lines(self) -> list[Line]:
        """Return the working hours and breaks that were entered."""
        data = self.cleaned_data
        if data["starts"] is None:
            return []
        lines = [Line(self.weekday, data["starts"], data["ends"], room=data["room"])]
        for number in range(self.breaks):
            starts, ends = data[f"break{number}_starts"], data[f"break{number}_ends"]
            if starts is not None:
                lines.append(Line(self.weekday, starts, ends, is_break=True))
        return lines


class WeekForm(forms.Form):
    """From which day on a week counts, and to which."""

    valid_from = _day("From")
    valid_until = _day("Until", required=False, help_text="Empty: until further notice")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("valid_from"), cleaned.get("valid_until")
        if first and last and last < first:
            self.add_error("valid_until", "Enter a day after the first one")
        return cleaned


def days_of(rows: Iterable[WorkingHours], data: Mapping[str, Any] | None = None) -> list[DayForm]:
    """Return a form for each weekday, filled from the rows that count; a gap between two stretches is a break."""
    by_day: dict[int, list[WorkingHours]] = {weekday: [] for weekday in range(7)}
    for row in rows:
        by_day[row.weekday].append(row)
    filled = {weekday: _initial_of(each) for weekday, each in by_day.items()}
    return [
        DayForm(
            data,
            weekday=weekday,
            initial=initial,
            breaks=max(FEWEST_BREAKS, sum(name.endswith("_starts") for name in initial)),
        )
        for weekday, initial in filled.items()
    ]


def copy_monday(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed with Monday's hours in every other weekday."""
    copied = {name: data[name] for name in data}
    for name, value in data.items():
        if name.startswith("d0-"):
            copied |= {f"d{weekday}-{name.removeprefix('d0-')}": value for weekday in COPIED_TO}
    return copied


def _initial_of(rows: list[WorkingHours]) -> dict[str, Any]:
    work = sorted((row for row in rows if row.kind == WorkingHours.Kind.WORK), key=lambda row: row.starts)
    if not work:
        return {}
    breaks: list[tuple[time, time]] = [(row.starts, row.ends) for row in rows if row.kind == WorkingHours.Kind.BREAK]
    breaks += [(before.ends, after.starts) for before, after in pairwise(work) if before.ends < after.starts]
    initial: dict[str, Any] = {"starts": work[0].starts, "ends": work[-1].ends, "room": work[0].room_id}
    for number, (starts, ends) in enumerate(sorted(breaks)):
        initial |= {f"break{number}_starts": starts, f"break{number}_ends": ends}
    return initial


class TimeOffForm(PlainMessages, forms.Form):
    """A time without visits: whole days, or from one time to another."""

    doctor = forms.ModelChoiceField(User.objects.none(), label="Whose", empty_label="Every clinician", required=False)
    kind = forms.ChoiceField(label="What", choices=ENTERED_KINDS)
    title = forms.CharField(
        label="Name", max_length=LONGEST_TITLE, required=False, help_text="For example, team meeting"
    )
    first_day = _day("From")
    first_clock = _clock("At")
    last_day = _day("Until", required=False, help_text="Empty: the same day")
    last_clock = _clock("At")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        doctor = self.fields["doctor"]
        doctor.queryset = list_doctors_for(user)  # type: ignore[attr-defined]
        doctor.label_from_instance = lambda person: person.display_name  # type: ignore[attr-defined]
        if not user.may(Permission.MANAGE_ALL_APPOINTMENTS):
            doctor.required, doctor.initial, doctor.widget = True, user.pk, forms.HiddenInput()
        self.fields["first_clock"].help_text = "Empty: the whole day"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first_day"), cleaned.get("last_day") or cleaned.get("first_day")
        if not first or not last or self.errors:
            return cleaned
        cleaned["starts_at"] = self._moment("first_clock", first, cleaned["first_clock"], is_end=False)
        cleaned["ends_at"] = self._moment("last_clock", last, cleaned["last_clock"], is_end=True)
        if not self.errors and cleaned["ends_at"] <= cleaned["starts_at"]:
            self.add_error("last_day", "Enter an end after the beginning")
        return cleaned

    def _moment(self, name: str, day: date, clock: time | None, *, is_end: bool) -> Any:
        zone = current_zone()
        if clock is None:
            return day_bounds(day, zone)[1 if is_end else 0]
        try:
            return at_wall_clock(day, clock, zone)
        except NoSuchTime:
            self.add_error(name, "The clocks go forward that night and skip this time. Enter another one.")
            return None


class RoomForm(PlainMessages, forms.Form):
    """A room's name and whether it is used."""

    name = forms.CharField(max_length=60)
    is_active = forms.BooleanField(label="In use", required=False, initial=True)


class HolidayForm(PlainMessages, forms.Form):
    """A day the clinic is closed."""

    day = _day("Day")
    name = forms.CharField(max_length=LONGEST_TITLE)


class ImportHolidaysForm(PlainMessages, forms.Form):
    """Which year's public holidays of which country are taken over."""

    country = forms.ChoiceField()
    subdivision = forms.CharField(
        label="Region", max_length=8, required=False, help_text="The short code of a state, for example MH or BY"
    )
    year = forms.IntegerField(min_value=2000, max_value=2100, widget=forms.NumberInput({"inputmode": "numeric"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = list_countries()  # type: ignore[attr-defined]
        self.fields["year"].initial = timezone.localdate().year

    def clean_subdivision(self) -> str:
        return str(self.cleaned_data["subdivision"]).strip()


class VisitDefaultForm(PlainMessages, forms.Form):
    """How long visits of one type are. Empty in a doctor's own: as the clinic says."""

    duration_minutes = forms.IntegerField(
        label="Length", min_value=SHORTEST_MINUTES, max_value=LONGEST_MINUTES, required=False
    )
    buffer_minutes = forms.IntegerField(label="Pause after", min_value=0, max_value=120, required=False)
    preparation_instructions = forms.CharField(
        label="To bring or prepare", max_length=500, required=False, widget=forms.Textarea({"rows": 2})
    )

    def __init__(self, data: Mapping[str, Any] | None, *, appointment_type: str, initial: dict[str, Any]) -> None:
        super().__init__(data, prefix=appointment_type, initial=initial)
        self.appointment_type = appointment_type
        self.title = Appointment.Type(appointment_type).label

"""Forms of visits that repeat: how often, what changes of which of them, and what was decided about single days."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from scheduling.calendar.layout import NoSuchTime, at_wall_clock
from scheduling.forms import BookingForm, SlotForm, current_zone
from scheduling.models import Appointment, AppointmentSeries
from scheduling.queries import timezone_name_of
from scheduling.series.plan import Choice, Decision
from scheduling.series.recurrence import LONGEST_INTERVAL, WEEKDAYS, BadRule, Frequency, Rule
from scheduling.services.series import DETAILS, MOST_VISITS
from scheduling.services.series_cancelling import Scope

WEEK, MONTH = "week", "month"
TIMES, UNTIL, NEVER = "times", "until", "never"
SAME_DAY, SAME_WEEKDAY, LAST_WEEKDAY = "day", "weekday", "last"
NOT_IN_A_SERIES = ("estimated_cost", "copay_amount", "insurance_verified")


class RepeatForm(forms.Form):
    """How often a visit repeats and until when; the day it begins with is given by the form it is part of."""

    interval = forms.IntegerField(
        label="Repeats every",
        min_value=1,
        max_value=LONGEST_INTERVAL,
        initial=1,
        widget=forms.NumberInput({"inputmode": "numeric"}),
        error_messages={"required": "Enter how often, like 1 or 2"},
    )
    unit = forms.ChoiceField(label="Weeks or months", choices=[(WEEK, "weeks"), (MONTH, "months")], initial=WEEK)
    weekdays = forms.TypedMultipleChoiceField(
        label="On",
        choices=[(number, name[:3]) for number, name in enumerate(WEEKDAYS)],
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    monthly = forms.ChoiceField(
        label="On the",
        choices=[
            (SAME_WEEKDAY, "Same weekday, like the second Tuesday"),
            (LAST_WEEKDAY, "Last such weekday of the month"),
            (SAME_DAY, "Same day of the month"),
        ],
        required=False,
    )
    ends = forms.ChoiceField(
        choices=[(TIMES, "After a number of visits"), (UNTIL, "On a day"), (NEVER, "No end")], initial=TIMES
    )
    times = forms.IntegerField(
        label="How many visits",
        min_value=1,
        max_value=MOST_VISITS,
        initial=10,
        required=False,
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )
    until = forms.DateField(
        label="Last day", required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )

    def rule_from(self, day: date) -> Rule | None:
        """Return the rule that was entered, for a first visit on a day; None with an error on its field."""
        data = self.cleaned_data
        times = data.get("times") if data.get("ends") == TIMES else None
        until = data.get("until") if data.get("ends") == UNTIL else None
        if data.get("ends") == TIMES and times is None and "times" not in self.errors:
            self.add_error("times", "Enter how many visits")
        if data.get("ends") == UNTIL and until is None and "until" not in self.errors:
            self.add_error("until", "Enter the last day")
        if self.errors:
            return None
        try:
            return _rule(data, day, times=times, until=until)
        except BadRule as error:
            self.add_error("interval", str(error))
            return None


def _rule(data: Mapping[str, Any], day: date, *, times: int | None, until: date | None) -> Rule:
    interval = data["interval"]
    if data["unit"] == WEEK:
        weekdays = tuple(sorted(data["weekdays"])) or (day.weekday(),)
        return Rule(Frequency.WEEKLY, interval, weekdays=weekdays, times=times, until=until)
    if data["monthly"] == SAME_DAY:
        return Rule(Frequency.MONTHLY, interval, month_day=day.day, times=times, until=until)
    number = (day.day - 1) // 7 + 1
    nth = -1 if data["monthly"] == LAST_WEEKDAY or number > 4 else number
    return Rule(Frequency.MONTHLY, interval, nth=nth, weekday=day.weekday(), times=times, until=until)


def repeat_initial(rule: Rule) -> dict[str, Any]:
    """Return what a RepeatForm shows of a rule."""
    monthly = SAME_DAY if rule.month_day else LAST_WEEKDAY if rule.nth == -1 else SAME_WEEKDAY
    return {
        "interval": rule.interval,
        "unit": WEEK if rule.frequency == Frequency.WEEKLY else MONTH,
        "weekdays": list(rule.weekdays),
        "monthly": monthly,
        "ends": TIMES if rule.times else UNTIL if rule.until else NEVER,
        "times": rule.times,
        "until": rule.until,
    }


class SeriesForm(RepeatForm, BookingForm):
    """A new series. `rule`, `first_day` and `series_clock` of the doctor's wall clock are in the cleaned data."""

    holiday_rule = forms.ChoiceField(label="On holidays", choices=AppointmentSeries.HolidayRule.choices)
    keeps_number = forms.BooleanField(
        label="Make up for days that are left out",
        required=False,
        initial=True,
        help_text="Ten visits stay ten: the missing ones follow at the end",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in NOT_IN_A_SERIES:
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        moment, doctor = cleaned.get("scheduled_at"), cleaned.get("doctor")
        if moment is None or doctor is None:
            return cleaned
        rule = self.rule_from(cleaned["day"])
        if rule is None:
            return cleaned
        there = moment.astimezone(ZoneInfo(timezone_name_of(doctor)))
        return {
            **cleaned,
            "rule": rule.moved(cleaned["day"], there.date()),
            "first_day": there.date(),
            "series_clock": there.time(),
        }


class ChangeForm(RepeatForm, SlotForm):
    """What changes of a visit of a series and of the following, or of all to come."""

    scope = forms.ChoiceField(
        label="Which visits",
        choices=[(Scope.FOLLOWING, "This and the following"), (Scope.ALL, "All to come")],
        widget=forms.RadioSelect,
    )
    includes_changed = forms.BooleanField(
        label="Also visits that were changed alone",
        required=False,
        help_text="Without this they stay as they are",
    )
    another_rule = forms.BooleanField(
        label="Repeat more or less often", required=False, help_text="Otherwise it repeats as before"
    )
    appointment_type = forms.ChoiceField(label="Type", choices=Appointment.Type.choices)
    location = forms.CharField(label="Place", max_length=80, required=False)
    preparation_instructions = forms.CharField(
        label="To bring or prepare", max_length=500, required=False, widget=forms.Textarea({"rows": 2})
    )
    notes = forms.CharField(
        label="Notes for the clinic", max_length=1000, required=False, widget=forms.Textarea({"rows": 2})
    )
    reason = forms.CharField(
        label="Why", max_length=500, required=False, widget=forms.Textarea({"rows": 2}), help_text="For the clinic"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not (self.is_bound and self["another_rule"].value()):
            for name in ("interval", "unit", "ends"):
                self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("another_rule") and cleaned.get("day"):
            cleaned["rule"] = self.rule_from(cleaned["day"])
        return cleaned


class ExtendForm(forms.Form):
    """How many visits more."""

    count = forms.IntegerField(label="Visits more", min_value=1, max_value=MOST_VISITS, initial=5)


def read_decisions(data: Mapping[str, str], *, zone: ZoneInfo) -> dict[date, Decision]:
    """Read what was decided about single days: `do-<day>` is skip, book, stay, other (with `at-<day>`) or "take HH:MM".

    Times are of the reader's clock, the decisions' of the series' zone. What cannot be read is left undecided.
    """
    decisions = {}
    for name, text in data.items():
        if not name.startswith("do-") or not text:
            continue
        try:
            day = date.fromisoformat(name.removeprefix("do-"))
            word, _, clock = text.partition(" ")
            if word == "other":
                word, clock = Choice.TAKE, data.get(f"at-{day}", "")
            chosen = _in_zone(day, clock, zone) if word == Choice.TAKE else None
            decisions[day] = Decision(Choice(word), chosen)
        except (ValueError, NoSuchTime, OverflowError):
            continue
    return decisions


def _in_zone(day: date, text: str, zone: ZoneInfo) -> time:
    moment: datetime = at_wall_clock(day, time.fromisoformat(text), current_zone())
    return moment.astimezone(zone).time()


def read_scope(data: Mapping[str, str]) -> Scope:
    """Read which visits of a series are meant; without a word it is this one."""
    try:
        return Scope(data.get("scope", ""))
    except ValueError:
        return Scope.THIS


def details_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields every visit of a series has in common."""
    return {name: data[name] for name in DETAILS if name in data}

"""The clinic's numbers: periods, rates and what each of them means. Pure: plain counts in, figures out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from statistics import median

A_DAY = timedelta(days=1)
MOST_BUCKETS = 14
LONGEST_DAYS = 731

PERIOD_CHOICES = (("week", "Week"), ("month", "Month"), ("quarter", "Quarter"), ("custom", "From … to"))


@dataclass(frozen=True)
class Period:
    """Whole days, the first and the last included; `kind` is one of PERIOD_CHOICES."""

    kind: str
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Period":
        """Return the period before: the last week, month or quarter, or as many days."""
        last = self.first - A_DAY
        if self.kind == "custom":
            return Period("custom", last - A_DAY * (self.days - 1), last)
        return period_of(self.kind, last)

    @property
    def after(self) -> "Period":
        if self.kind == "custom":
            return Period("custom", self.last + A_DAY, self.last + A_DAY * self.days)
        return period_of(self.kind, self.last + A_DAY)

    @property
    def each_day(self) -> list[date]:
        return [self.first + A_DAY * number for number in range(self.days)]


def period_of(kind: str, day: date) -> Period:
    """Return the week (Monday to Sunday), month or quarter a day lies in."""
    if kind == "week":
        monday = day - A_DAY * day.weekday()
        return Period(kind, monday, monday + A_DAY * 6)
    months = 3 if kind == "quarter" else 1
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    return Period(kind, first, _add_months(first, months) - A_DAY)


@dataclass(frozen=True)
class Bucket:
    """One column of the chart over time: whole days, and how it is named under the axis."""

    first: date
    last: date
    label: str


def buckets_of(period: Period) -> list[Bucket]:
    """Cut a period into at most 14 days, weeks, months or quarters."""
    if period.days <= MOST_BUCKETS:
        return [Bucket(day, day, f"{day:%a} {day.day}") for day in period.each_day]
    if period.days <= MOST_BUCKETS * 7 - 6:
        return _cut(period, lambda day: day - A_DAY * day.weekday() + A_DAY * 7, lambda day: f"{day.day} {day:%b}")
    if period.days <= MOST_BUCKETS * 28:
        return _cut(period, lambda day: _add_months(day.replace(day=1), 1), lambda day: f"{day:%b}")
    return _cut(
        period,
        lambda day: _add_months(date(day.year, (day.month - 1) // 3 * 3 + 1, 1), 3),
        lambda day: f"Q{(day.month + 2) // 3} {day:%y}",
    )


def _cut(period: Period, next_first: Callable[[date], date], label: Callable[[date], str]) -> list[Bucket]:
    buckets, day = [], period.first
    while day <= period.last:
        following = next_first(day)
        buckets.append(Bucket(day, min(following - A_DAY, period.last), label(day)))
        day = following
    return buckets


def _add_months(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


@dataclass(frozen=True)
class Tally:
    """What was counted of one clinician's visits in one period; minutes are planned minutes.

    `available_minutes` is None while no working hours are set. Visits that were moved are counted where they went.
    """

    available_minutes: int | None = None
    booked_minutes: int = 0
    held_minutes: int = 0
    planned: int = 0
    held: int = 0
    no_show: int = 0
    cancelled: int = 0
    cancelled_late: int = 0
    moved: int = 0
    walk_ins: int = 0
    new_patients: int = 0
    follow_ups: int = 0
    freed: int = 0
    filled: int = 0
    reminded_held: int = 0
    reminded_no_show: int = 0
    confirmed_held: int = 0
    confirmed_no_show: int = 0
    lead_days: tuple[float, ...] = ()


def tally_of(counts: Iterable[tuple[str, int | None]]) -> Tally:
    """Return counts by the name of their field as a tally; a sum over nothing is none, and counts as 0."""
    return Tally(**{name: number or 0 for name, number in counts})  # type: ignore[arg-type]  # lead_days is not among them


def add_up(tallies: Iterable[Tally]) -> Tally:
    """Return several clinicians as one; hours are known only when somebody's are."""
    known = list(tallies)
    hours = [tally.available_minutes for tally in known if tally.available_minutes is not None]
    counted = [one.name for one in fields(Tally) if one.name not in ("available_minutes", "lead_days")]
    sums = {name: sum(getattr(tally, name) for tally in known) for name in counted}
    leads = tuple(days for tally in known for days in tally.lead_days)
    return Tally(available_minutes=sum(hours) if hours else None, lead_days=leads, **sums)


@dataclass(frozen=True)
class Rate:
    """A part of a whole; without a whole there is no rate."""

    part: int
    whole: int

    @property
    def percent(self) -> float | None:
        return 100 * self.part / self.whole if self.whole else None


@dataclass(frozen=True)
class Definition:
    """One figure: its name, its unit (`%`, `days` or empty for a count), what it means in a sentence."""

    name: str
    label: str
    unit: str
    meaning: str
    less_is_better: bool = False


DEFINITIONS = (
    Definition(
        "booked_share",
        "Booked",
        "%",
        "Planned minutes of visits that stand or stood, of the minutes of the working hours less breaks, time off and "
        "holidays.",
    ),
    Definition("held_share", "Held", "%", "Planned minutes of visits that took place, of the same available minutes."),
    Definition(
        "no_show_rate",
        "Did not come",
        "%",
        "Visits the patient did not come to, of those that took place or were missed.",
        less_is_better=True,
    ),
    Definition(
        "cancellation_rate",
        "Cancelled",
        "%",
        "Cancelled visits, of all that were planned; a visit that was moved counts once, where it went.",
        less_is_better=True,
    ),
    Definition(
        "late_cancellation_rate",
        "Cancelled late",
        "%",
        "Visits cancelled later than the clinic's notice asks for, of all that were planned.",
        less_is_better=True,
    ),
    Definition("lead_days", "Lead time", "days", "Median of the days from booking a visit to its time; no walk-ins."),
    Definition("moved_rate", "Moved", "%", "Visits given another time, of all times that were booked."),
    Definition(
        "fill_rate",
        "Filled from the waiting list",
        "%",
        "Times that a cancelled or moved visit left free and a waiting patient took, of all such times.",
    ),
    Definition("held", "Visits held", "", "Visits that took place."),
    Definition("walk_ins", "Walk-ins", "", "Visits that took place without having been booked before."),
    Definition("new_share", "New patients", "%", "Visits of new patients, of the visits that took place."),
    Definition("follow_up_share", "Follow-ups", "%", "Follow-up visits, of the visits that took place."),
)


OF_MINUTES = ("booked_share", "held_share")


@dataclass(frozen=True)
class Figure:
    """One figure of one clinician in a period and in the one before."""

    definition: Definition
    value: float | None
    before: float | None
    rate: Rate | None = None
    rate_before: Rate | None = None

    @property
    def shown(self) -> str:
        return show(self.value, self.definition.unit)

    @property
    def detail(self) -> str:
        """Return what the rate is made of: `12 of 140`, of minutes in hours: `86.5 of 140 h`."""
        if self.rate is None or not self.rate.whole:
            return ""
        if self.definition.name in OF_MINUTES:
            return f"{in_hours(self.rate.part)} of {in_hours(self.rate.whole)} h"
        return f"{self.rate.part:,} of {self.rate.whole:,}"

    @property
    def change(self) -> str:
        """Return the difference in words: `2.4 points less than before`, `the same as before`."""
        if self.value is None or self.before is None:
            return "nothing to compare with"
        difference = round(self.value - self.before, 1)
        if not difference:
            return "the same as before"
        unit = {"%": " points", "days": " days"}.get(self.definition.unit, "")
        size = f"{abs(difference):.1f}".removesuffix(".0")
        return f"{size}{unit} {'more' if difference > 0 else 'less'} than before"

    @property
    def direction(self) -> str:
        """Return `better`, `worse`, or nothing where neither is said."""
        if self.value is None or self.before is None or round(self.value - self.before, 1) == 0:
            return ""
        if not self.definition.less_is_better:
            return ""
        return "better" if self.value < self.before else "worse"


def show(value: float | None, unit: str) -> str:
    """Write a figure: `62 %`, `4.5 %`, `3.5 days`, `17`; a dash where there is none."""
    if value is None:
        return "–"
    number = f"{value:.1f}".removesuffix(".0") if unit else f"{value:.0f}"
    return f"{number} {unit}".strip()


def in_hours(minutes: int) -> str:
    """Write minutes as hours, as exactly as a share is shown: `7.5`, `1,520`."""
    return f"{minutes / 60:,.1f}".removesuffix(".0")


def figures_of(now: Tally, before: Tally) -> list[Figure]:
    """Return every figure in the order of DEFINITIONS."""
    return [_figure(definition, now, before) for definition in DEFINITIONS]


def _figure(definition: Definition, now: Tally, before: Tally) -> Figure:
    rate, rate_before = rate_of(definition.name, now), rate_of(definition.name, before)
    if rate is not None and rate_before is not None:
        return Figure(definition, rate.percent, rate_before.percent, rate, rate_before)
    return Figure(definition, _plain(definition.name, now), _plain(definition.name, before))


def rate_of(name: str, tally: Tally) -> Rate | None:
    """Return a rate by the name of its figure; None for figures that are none."""
    available = tally.available_minutes or 0
    rates = {
        "booked_share": Rate(tally.booked_minutes, available),
        "held_share": Rate(tally.held_minutes, available),
        "no_show_rate": Rate(tally.no_show, tally.held + tally.no_show),
        "cancellation_rate": Rate(tally.cancelled, tally.planned),
        "late_cancellation_rate": Rate(tally.cancelled_late, tally.planned),
        "moved_rate": Rate(tally.moved, tally.planned + tally.moved),
        "fill_rate": Rate(tally.filled, tally.freed),
        "new_share": Rate(tally.new_patients, tally.held),
        "follow_up_share": Rate(tally.follow_ups, tally.held),
    }
    return rates.get(name)


def _plain(name: str, tally: Tally) -> float | None:
    if name == "lead_days":
        return median_days(tally.lead_days)
    return float(getattr(tally, name))


def median_days(days: Sequence[float]) -> float | None:
    return median(days) if days else None


@dataclass(frozen=True)
class Comparison:
    """How often patients did not come, in a group of visits. It is an observation: the groups may differ otherwise."""

    label: str
    rate: Rate


def reminder_effect(tally: Tally) -> list[Comparison]:
    """Compare visits with and without a reminder, and with and without the patient's confirmation."""
    held, missed = tally.held, tally.no_show
    return [
        Comparison("With a reminder", _missed(tally.reminded_no_show, tally.reminded_held)),
        Comparison("Without a reminder", _missed(missed - tally.reminded_no_show, held - tally.reminded_held)),
        Comparison("Confirmed", _missed(tally.confirmed_no_show, tally.confirmed_held)),
        Comparison("Not confirmed", _missed(missed - tally.confirmed_no_show, held - tally.confirmed_held)),
    ]


def _missed(no_show: int, held: int) -> Rate:
    return Rate(no_show, no_show + held)

"""The doors of the numbers: the page with its charts, and the same as CSV."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from scheduling.queries import list_doctors_for
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.dashboard.counting import Counted, count_by_bucket, count_visits
from synapse.dashboard.numbers import (
    PERIOD_CHOICES,
    Comparison,
    Figure,
    Period,
    add_up,
    buckets_of,
    figures_of,
    period_of,
    reminder_effect,
    show,
)
from synapse.dashboard.numbers_forms import NumbersForm, whole_days
from synapse.web.charts import BarChart, ColumnChart, Series, bar_rows, stack_columns
from synapse.web.csv import csv_response
from synapse.web.http import ClinicRequest, render_page

CSV_COLUMNS = (
    *("clinician", "figure", "unit", "from", "to", "value", "part", "whole"),
    *("from_before", "to_before", "value_before", "part_before", "whole_before", "meaning"),
)
VISITS = (
    Series("held", "Held"),
    Series("coming", "To come or not closed"),
    Series("missed", "Did not come"),
    Series("cancelled", "Cancelled"),
)
HOURS = (Series("booked", "Booked"), Series("held", "Held"))
MISSED = (Series("missed", "Did not come"),)
TOP_OF_SCALE = 100.0  # percent


@dataclass(frozen=True)
class Clinician:
    """A row of the table by clinician."""

    doctor: User
    figures: list[Figure]


@require_GET
@requires(Permission.VIEW_CALENDAR)
def numbers(request: ClinicRequest) -> HttpResponse:
    """Show the figures of a period beside those of the period before."""
    asked = _read(request)
    total = add_up(one.now for one in asked.counted)
    effect = reminder_effect(total)
    context = {
        "form": asked.form,
        "period": asked.period,
        "days": whole_days(asked.period),
        "days_before": whole_days(asked.period.before),
        "is_unfinished": asked.period.last >= asked.today,
        "links": _links(asked),
        "query": _query(asked, asked.period),
        "figures": figures_of(total, add_up(one.before for one in asked.counted)),
        "clinicians": [Clinician(one.doctor, figures_of(one.now, one.before)) for one in asked.counted],
        "may_choose": len(asked.offered) > 1,
        "has_hours": total.available_minutes is not None,
        "visits_chart": _visits_chart(asked),
        "hours_chart": _hours_chart(asked.counted),
        "effect_chart": _effect_chart(effect),
    }
    return render_page(request, "dashboard/numbers.html", context)


@require_GET
@requires(Permission.VIEW_CALENDAR)
@fresh_proof_required
def export(request: ClinicRequest) -> HttpResponse:
    """Download the same figures, one row a figure and clinician."""
    asked = _read(request)
    record_read(request, target=("numbers", asked.period.first.isoformat()), action=Action.EXPORT)
    name = f"numbers-{asked.period.first:%Y%m%d}-{asked.period.last:%Y%m%d}"
    return csv_response(name, CSV_COLUMNS, _csv_rows(asked))


@dataclass(frozen=True)
class Asked:
    """What the address asks for, counted."""

    form: NumbersForm
    period: Period
    today: Any
    offered: list[User]
    chosen: User | None
    counted: list[Counted]


def _read(request: ClinicRequest) -> Asked:
    now, clinic = timezone.now(), ClinicSettings.load()
    today, zone = clinic.date_of(now), ZoneInfo(clinic.timezone)
    offered = list_doctors_for(request.user)
    form = NumbersForm(request.GET, offered=offered)
    form.is_valid()
    if "doctor" in form.errors:
        raise Http404  # nobody of that key, or not this person's to see
    chosen = form.cleaned_data.get("doctor")
    people = list(offered)
    period = form.chosen_period(today)
    counted = count_visits([chosen] if chosen else people, period, zone=zone, at=now)
    return Asked(form, period, today, people, chosen, counted)


def _query(asked: Asked, period: Period, kind: str = "") -> str:
    """Return the address' query for a period, the clinician kept."""
    values = {"period": kind or period.kind}
    if values["period"] == "custom":
        values |= {"first": period.first.isoformat(), "last": period.last.isoformat()}
    else:
        values["day"] = period.first.isoformat()
    if asked.chosen is not None:
        values["doctor"] = str(asked.chosen.pk)
    return f"?{urlencode(values)}"


def _links(asked: Asked) -> dict[str, Any]:
    day = min(max(asked.today, asked.period.first), asked.period.last)
    return {
        "before": _query(asked, asked.period.before),
        "after": _query(asked, asked.period.after),
        "kinds": [
            {
                "text": label,
                "address": _query(asked, asked.period if kind == "custom" else period_of(kind, day), kind),
                "is_current": kind == asked.period.kind,
            }
            for kind, label in PERIOD_CHOICES
        ],
    }


def _visits_chart(asked: Asked) -> ColumnChart:
    zone = ZoneInfo(ClinicSettings.load().timezone)
    counts = count_by_bucket([one.doctor for one in asked.counted], buckets_of(asked.period), zone=zone)
    columns = [(one.bucket.label, (one.held, one.to_come, one.no_show, one.cancelled)) for one in counts]
    return stack_columns("visits", "Visits over time", VISITS, columns)


def _hours_chart(counted: list[Counted]) -> BarChart:
    rows = []
    for one in counted:
        booked, held, *_ = figures_of(one.now, one.before)
        words = f"{show(booked.value, '%')} booked, {show(held.value, '%')} held"
        if booked.value is None:
            words = "no working hours set"
        rows.append((one.doctor.display_name, words, (booked.value, held.value)))
    return bar_rows("hours", "Working time used", HOURS, rows, scale=TOP_OF_SCALE)


def _effect_chart(effect: list[Comparison]) -> BarChart:
    rows = [
        (
            one.label,
            f"{show(one.rate.percent, '%')} ({one.rate.part} of {one.rate.whole})" if one.rate.whole else "no visits",
            (one.rate.percent,),
        )
        for one in effect
    ]
    highest = max((one.rate.percent or 0.0 for one in effect), default=0.0)
    return bar_rows("effect", "Who did not come", MISSED, rows, scale=max(highest, 10.0))


def _csv_rows(asked: Asked) -> Iterator[list[object]]:
    everybody = ("All", add_up(one.now for one in asked.counted), add_up(one.before for one in asked.counted))
    people = [(one.doctor.display_name, one.now, one.before) for one in asked.counted]
    period, before = asked.period, asked.period.before
    for name, now, past in [everybody, *people] if len(people) > 1 else people:
        for figure in figures_of(now, past):
            rate, rate_before = figure.rate, figure.rate_before
            yield [
                name,
                figure.definition.label,
                figure.definition.unit,
                *(period.first, period.last, _number(figure.value)),
                *(rate.part if rate else None, rate.whole if rate else None),
                *(before.first, before.last, _number(figure.before)),
                *(rate_before.part if rate_before else None, rate_before.whole if rate_before else None),
                figure.definition.meaning,
            ]


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, 2)

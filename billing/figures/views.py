"""The doors of the money figures: the page with its charts, and the same as CSV."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing import queries
from billing.figures import queries as figures_queries
from billing.figures.forms import PRESETS, FiguresForm, in_words
from billing.figures.sums import (
    Figure,
    Month,
    Period,
    Share,
    Sums,
    add_up,
    figures_of,
    first_day,
    month_of,
    number_of,
    outstanding_of,
    shares_by,
)
from billing.models import BillType, Payment
from billing.money import format_money
from patients.queries import doctors
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.web.charts import BarChart, ColumnChart, Series, bar_rows, stack_columns
from synapse.web.csv import csv_response
from synapse.web.http import ClinicRequest, render_page

MONTHS_DRAWN = 12
MOVED = (Series("booked", "Charged"), Series("held", "Collected"))
PAYERS = (Series("held", "Patients"), Series("coming", "Insurers"), Series("cancelled", "Others"))
PAID_BY = (Payment.PaidBy.PATIENT, Payment.PaidBy.INSURER, Payment.PaidBy.OTHER)
CSV_COLUMNS = (
    *("section", "name", "figure", "currency", "from", "to", "value", "from_before", "to_before", "value_before"),
    "meaning",
)


@dataclass(frozen=True)
class Asked:
    """What the address asks for, read from the ledger's months."""

    form: FiguresForm
    period: Period
    doctor_id: UUID | None
    sees_all: bool
    currency: str
    months: list[Month]
    figures: list[Figure]

    @property
    def query(self) -> str:
        values = {"period": self.form.kind}
        if self.form.kind == "custom":
            values |= {"first": self.period.first, "last": self.period.last}
        if self.sees_all and self.doctor_id:
            values["doctor"] = str(self.doctor_id)
        return f"?{urlencode(values)}"


@require_GET
@requires(Permission.VIEW_BILLS)
def figures(request: ClinicRequest) -> HttpResponse:
    """Show the figures of a period beside those of the period before."""
    asked = _read(request)
    record_read(request, target=("billing figures", asked.period.first), poll=True)
    drawn = _drawn(asked.period)
    context = {
        "form": asked.form,
        "period": asked.period,
        "words": in_words(asked.period),
        "words_before": in_words(asked.period.before),
        "is_unfinished": asked.period.last >= f"{asked.form.today:%Y%m}",
        "kinds": _kinds(asked),
        "steps": {"before": _custom(asked, asked.period.before), "after": _custom(asked, asked.period.after)},
        "query": asked.query,
        "figures": [(figure, _words(figure, asked.currency)) for figure in asked.figures],
        "currency": asked.currency,
        "aging": figures_queries.read_aging(asked.currency, asked.doctor_id, at=timezone.now()),
        "unbilled": queries.unbilled_sessions(request.user, doctor_id=asked.doctor_id).count(),
        "clinicians": _by_clinician(asked) if asked.sees_all and not asked.doctor_id else [],
        "types": _by_type(asked),
        "payers": _by_payer(asked),
        "insurers": figures_queries.insurers_of(asked.period, asked.currency, asked.doctor_id),
        "by_month": _by_month(asked, asked.period),
        "moved_chart": _moved_chart(asked, drawn),
        "paid_chart": _paid_chart(asked, drawn),
        "sees_all": asked.sees_all,
    }
    return render_page(request, "billing/figures.html", context)


@require_GET
@requires(Permission.VIEW_BILLS)
@fresh_proof_required
def export(request: ClinicRequest) -> HttpResponse:
    """Download the same figures, one row a figure."""
    asked = _read(request)
    record_read(request, target=("billing figures", asked.period.first), action=Action.EXPORT)
    return csv_response(f"billing-{asked.period.first}-{asked.period.last}", CSV_COLUMNS, _csv_rows(asked))


def _read(request: ClinicRequest) -> Asked:
    user, clinic = request.user, ClinicSettings.load()
    today = clinic.date_of(timezone.now())
    sees_all = user.may(Permission.VIEW_ALL_PATIENTS)
    offered = doctors() if sees_all else User.objects.filter(pk=user.pk)
    form = FiguresForm(request.GET, today=today, offered=offered)
    form.is_valid()
    if "doctor" in form.errors:
        raise Http404  # nobody of that key, or not this person's to see
    chosen: User | None = form.cleaned_data.get("doctor")
    doctor_id = (chosen.pk if chosen else None) if sees_all else user.pk
    period = form.chosen_period()
    months = figures_queries.read_months(clinic.currency, period.last, doctor_id)
    days = figures_queries.days_to_payment(period, clinic.currency, doctor_id)
    days_before = figures_queries.days_to_payment(period.before, clinic.currency, doctor_id)
    made = figures_of(months, period, days, days_before, has_credit=doctor_id is None)
    return Asked(form, period, doctor_id, sees_all, clinic.currency, months, made)


def _kinds(asked: Asked) -> list[dict[str, Any]]:
    doctor = {"doctor": str(asked.doctor_id)} if asked.sees_all and asked.doctor_id else {}
    kinds = []
    for kind, label in PRESETS:
        values = {"period": kind, **doctor}
        if kind == "custom":
            values |= {"first": asked.period.first, "last": asked.period.last}
        kinds.append({"text": label, "address": f"?{urlencode(values)}", "is_current": kind == asked.form.kind})
    return kinds


def _custom(asked: Asked, period: Period) -> str:
    """Return the address of a period next to this one; nothing for one that has not begun."""
    if period.first > f"{asked.form.today:%Y%m}":
        return ""
    values = {"period": "custom", "first": period.first, "last": min(period.last, f"{asked.form.today:%Y%m}")}
    if asked.sees_all and asked.doctor_id:
        values["doctor"] = str(asked.doctor_id)
    return f"?{urlencode(values)}"


def _words(figure: Figure, currency: str) -> dict[str, str]:
    """Return a figure and its change in words."""
    if figure.value is None:
        return {"value": "–", "change": "nothing to compare with"}
    write = (lambda amount: format_money(amount, currency)) if figure.definition.is_money else _days
    if figure.change is None:
        return {"value": write(figure.value), "change": "nothing to compare with"}
    if not figure.change:
        return {"value": write(figure.value), "change": "the same as before"}
    change = f"{write(abs(figure.change))} {'more' if figure.change > 0 else 'less'} than before"
    percent = f" ({figure.percent:+}%)" if figure.percent is not None and figure.definition.is_money else ""
    return {"value": write(figure.value), "change": change + percent}


def _days(value: Decimal) -> str:
    number = f"{value.normalize():f}"
    return f"{number} day{'' if value == 1 else 's'}"


def _by_clinician(asked: Asked) -> list[Share]:
    names = figures_queries.names_of_doctors()
    return shares_by(
        asked.months, asked.period, lambda month: month.doctor, lambda key: names.get(key, "On no bill (credit)")
    )


def _by_type(asked: Asked) -> list[Share]:
    labels = dict(BillType.choices)
    return shares_by(
        asked.months,
        asked.period,
        lambda month: month.bill_type,
        lambda key: labels.get(str(key), "On no bill (credit)"),
    )


def _by_payer(asked: Asked) -> list[Share]:
    labels = {Payment.PaidBy.PATIENT: "Patients", Payment.PaidBy.INSURER: "Insurers", Payment.PaidBy.OTHER: "Others"}
    paying = [month for month in asked.months if month.paid_by]
    return shares_by(paying, asked.period, lambda month: month.paid_by, lambda key: labels[Payment.PaidBy(str(key))])


def _by_month(asked: Asked, period: Period) -> list[dict[str, Any]]:
    """Return the months of a period with their sums and what was open at the end of each, the newest first."""
    rows = []
    for name in reversed(period.months):
        sums, before = (_sums_of(asked, month) for month in (name, month_of(number_of(name) - 1)))
        rows.append(
            {
                "name": f"{first_day(name):%B %Y}",
                "sums": sums,
                "revenue_change": _change(sums.revenue, before.revenue),
                "collected_change": _change(sums.collected, before.collected),
                "outstanding": outstanding_of(month for month in asked.months if month.period <= name),
            }
        )
    # A clinic that has just begun is spared the empty months before.
    while len(rows) > 1 and rows[-1]["sums"] == Sums() and not rows[-1]["outstanding"]:
        rows.pop()
    return rows


def _sums_of(asked: Asked, name: str) -> Sums:
    return add_up(month for month in asked.months if month.period == name)


def _change(now: Decimal, before: Decimal) -> str:
    """Write a change against the month before in percent; nothing where there is none to speak of."""
    if before <= 0 or now == before:
        return ""
    percent = f"{(now - before) / before * 100:+.0f}".replace("-", "\N{MINUS SIGN}")
    return f"{percent}% on the month before"


def _drawn(period: Period) -> list[str]:
    """Return the months of the charts: those of the period, a year of them at least."""
    last = number_of(period.last)
    first = min(number_of(period.first), last - MONTHS_DRAWN + 1)
    return [month_of(number) for number in range(max(first, last - 2 * MONTHS_DRAWN + 1), last + 1)]


def _moved_chart(asked: Asked, drawn: Sequence[str]) -> BarChart:
    sums = {name: _sums_of(asked, name) for name in drawn}
    moved = [(name, one) for name, one in sums.items() if one != Sums()]
    rows = [
        (
            f"{first_day(name):%b %Y}",
            f"{format_money(one.revenue, asked.currency)} charged, {format_money(one.collected, asked.currency)} collected",
            (max(float(one.revenue), 0.0), max(float(one.collected), 0.0)),
        )
        for name, one in reversed(moved)
    ]
    highest = max((value for _, _, values in rows for value in values), default=0.0)
    return bar_rows("moved", "Charged and collected by month", MOVED, rows, scale=highest or 1.0)


def _paid_chart(asked: Asked, drawn: Sequence[str]) -> ColumnChart:
    columns = []
    for name in drawn:
        received = [
            max(round(add_up(m for m in asked.months if m.period == name and m.paid_by == payer).collected), 0)
            for payer in PAID_BY
        ]
        columns.append((f"{first_day(name):%b}", received))
    return stack_columns("paid", "Collected by payer", PAYERS, columns, write=_short, nothing="Nothing was collected.")


def _short(amount: int) -> str:
    """Write an amount short enough for a chart: 950, 1.5k, 12k, 1.3M."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if amount >= size:
            places = 1 if amount < 10 * size else 0
            return f"{amount / size:.{places}f}".removesuffix(".0") + letter
    return str(amount)


def _csv_rows(asked: Asked) -> Iterator[list[object]]:
    period, before = asked.period, asked.period.before
    ends = [_month_text(month) for month in (period.first, period.last, before.first, before.last)]
    for figure in asked.figures:
        unit = asked.currency if figure.definition.is_money else "days"
        name = "Clinic" if asked.doctor_id is None else "Clinician"
        values = [ends[0], ends[1], figure.value, ends[2], ends[3], figure.before]
        yield ["all", name, figure.definition.label, unit, *values, figure.definition.meaning]
    tables = (("clinician", _by_clinician(asked)), ("kind of visit", _by_type(asked)), ("payer", _by_payer(asked)))
    for section, shares in tables:
        if section == "clinician" and (not asked.sees_all or asked.doctor_id):
            continue
        for share in shares:
            for label, column in (("Charged", "revenue"), ("Collected", "collected"), ("Written off", "written_off")):
                if section == "payer" and column != "collected":
                    continue
                values = [
                    ends[0],
                    ends[1],
                    getattr(share.sums, column),
                    ends[2],
                    ends[3],
                    getattr(share.before, column),
                ]
                yield [section, share.label, label, asked.currency, *values, ""]
    for insurer, amount in figures_queries.insurers_of(period, asked.currency, asked.doctor_id):
        yield ["insurer", insurer, "Received", asked.currency, ends[0], ends[1], amount, None, None, None, ""]


def _month_text(month: str) -> str:
    return f"{month[:4]}-{month[4:]}"

"""The close of the clinic's day: the sheet, the counts of past days, one of them to print."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET, require_http_methods

from billing import permissions
from billing.day_close.forms import DayCloseForm
from billing.errors import BadAmount
from billing.models import DayClose, Method
from billing.money import ZERO
from billing.services import day_close
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page

CLOSES_SHOWN = 31
EARLIEST = timedelta(days=366)


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def sheet(request: ClinicRequest) -> HttpResponse:
    """Count a day: today's, or one that nobody closed."""
    permissions.check_can_close_day(request.user)
    now = timezone.now()
    asked, currency = _asked(request, ClinicSettings.load().date_of(now))
    before = day_close.latest_close(asked, currency)
    if before is not None and asked < ClinicSettings.load().date_of(now):
        return _closed(request, before)
    day = day_close.read_day(asked, currency)
    form = DayCloseForm(request.POST or None, day=day, currency=currency, usual_float=_usual_float(currency))
    if request.method == "POST" and form.is_valid():
        close = _close(form, day, currency, by=request.user, at=now)
        if close is not None:
            words = "is closed" if currency == ClinicSettings.load().currency else f"is closed in {currency}"
            messages.success(request, f"{asked:%-d %B} {words}.")
            return redirect("billing:day_close_detail", close.pk)
    record_read(request, target=("day close", asked.isoformat()))
    return render_page(request, "billing/day_close.html", _sheet_context(day, before, at=now), form=form)


@require_GET
@requires(Permission.RECORD_PAYMENTS)
def detail(request: ClinicRequest, pk: str) -> HttpResponse:
    """Show one count as it was signed off, with what came after it; made to be printed."""
    permissions.check_can_close_day(request.user)
    close = get_object_or_404(DayClose.objects.select_related("closed_by"), pk=pk)
    record_read(request, target=close)
    day = day_close.read_day(close.date, close.currency)
    latest = day_close.latest_close(close.date, close.currency)
    context = {
        "close": close,
        "lines": _lines_of(close),
        "total": _total_of(close),
        "after": day_close.moved_after(close, day),
        "corrections": day.corrections,
        "pieces": [(value, number, Decimal(value) * number) for value, number in close.denominations.items()],
        "newer": latest if latest is not None and latest.pk != close.pk else None,
        "is_today": close.date == ClinicSettings.load().date_of(timezone.now()),
        "clinic": ClinicSettings.load(),
    }
    return render_page(request, "billing/day_close_detail.html", context)


def _asked(request: ClinicRequest, today: date) -> tuple[date, str]:
    """Return day and currency of the address, which a refused form keeps. Raises Http404."""
    day, currency = _day_of(request.GET.get("day", ""), today), request.GET.get("currency", "")
    return day, currency if currency in day_close.currencies_of(day) else ClinicSettings.load().currency


def _closed(request: ClinicRequest, before: DayClose) -> HttpResponse:
    """Lead to the count of a past day; somebody who was counting it as well hears why."""
    if request.method == "POST":
        messages.warning(
            request, f"{before.closed_by.display_name} closed this day meanwhile. Your count was not kept."
        )
    return redirect("billing:day_close_detail", before.pk)


def _sheet_context(day: day_close.Day, before: DayClose | None, *, at: datetime) -> dict[str, Any]:
    return {
        "day": day,
        "before": before,
        "missing": [one for one in day_close.missing_days(at) if one != (day.date, day.currency)],
        "currency": day.currency,
        "own_currency": ClinicSettings.load().currency,
        "currencies": [(each, each) for each in day_close.currencies_of(day.date)],
        "closes": _closes(day.currency),
    }


def _close(form: DayCloseForm, day: day_close.Day, currency: str, *, by: User, at: datetime) -> DayClose | None:
    """Close the day as it was counted; None when the form says why it stays open."""
    data = form.cleaned_data
    try:
        return day_close.close_day(
            day.date,
            counted=form.counted(),
            opening_float=data["opening_float"],
            denominations=data["denominations"],
            reasons=form.reasons(),
            note=data["note"],
            fingerprint=data["fingerprint"],
            currency=currency,
            key=data["key"],
            by=by,
            at=at,
        )
    except day_close.Moved as error:
        form.show_anew(day)
        form.add_error(None, str(error))
    except (day_close.ReasonMissing, BadAmount) as error:
        form.add_error(None, str(error))
    return None


def _day_of(text: str, today: date) -> date:
    """Return the day asked for; today without one. Raises Http404 for one to come or long ago."""
    if not text:
        return today
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None or not today - EARLIEST <= day <= today:
        raise Http404
    return day


def _usual_float(currency: str) -> Decimal | None:
    """Return the opening float of the last close: most drawers begin with the same."""
    last = DayClose.objects.filter(currency=currency).only("opening_float").order_by("-closed_at").first()
    return last.opening_float if last else None


def _amounts(stored: dict[str, str]) -> dict[str, Decimal]:
    return {method: Decimal(text) for method, text in stored.items()}


def _lines_of(close: DayClose) -> list[dict[str, Any]]:
    """Return the methods of a close with the difference of each."""
    expected, counted = _amounts(close.expected), _amounts(close.counted)
    differences = day_close.differences_of(expected, counted, close.opening_float or ZERO)
    return [
        {
            "label": Method(method).label,
            "expected": expected.get(method, ZERO),
            "counted": counted.get(method, ZERO),
            "is_cash": method == Method.CASH,
            "difference": difference,
            "reason": close.reasons.get(method, ""),
        }
        for method, difference in differences.items()
    ]


def _total_of(close: DayClose) -> dict[str, Decimal]:
    """Return the sums of a close; counted without the opening float, so that it and what is expected can be compared."""
    lines = _lines_of(close)
    sums = {name: sum((line[name] for line in lines), ZERO) for name in ("expected", "counted", "difference")}
    return sums | {"counted": sums["counted"] - (close.opening_float or ZERO)}


def _closes(currency: str) -> list[dict[str, Any]]:
    """Return the last count of each day, the newest first, with what was expected and how far it was off."""
    newest: dict[date, DayClose] = {}
    closes = DayClose.objects.filter(currency=currency).select_related("closed_by").order_by("-date", "-version")
    for close in closes[: 2 * CLOSES_SHOWN]:
        newest.setdefault(close.date, close)
    return [{"close": close, **_total_of(close)} for close in list(newest.values())[:CLOSES_SHOWN]]

"""The fee schedule, and how the clinic bills: pages of the administrator."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from billing.errors import BadFee
from billing.models import BillingSettings, FeeScheduleItem, Payer, ReminderStage
from billing.services import fee_import, fees, settings
from billing.settings import fees_page
from billing.settings.forms import BillingForm, FeeFileForm, FeeForm, FeeTextForm, LastDayForm
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.common.csv_reading import MOST_BYTES, BadFile
from synapse.web.csv import csv_response
from synapse.web.http import ClinicRequest, render_page

STANDARD = "standard"


@require_GET
@requires(Permission.MANAGE_CLINIC)
def fee_list(request: ClinicRequest) -> HttpResponse:
    """List the prices of the clinic, or those of one doctor."""
    clinic = ClinicSettings.load()
    today = clinic.date_of(timezone.now())
    persons = list(fees_page.doctors_with_prices())
    chosen = next((one for one in persons if str(one.pk) == request.GET.get("of")), None)
    with_ended = request.GET.get("ended") == "1"
    items = fees_page.prices(doctor=chosen.pk if chosen else None, today=today, with_ended=with_ended)
    billing = BillingSettings.load()
    context = {
        "rows": fees_page.rows_of(list(items), today=today, clinic_rate=clinic.tax_rate, tax_label=billing.tax_label),
        "lists": [(STANDARD, "Standard"), *((str(one.pk), one.display_name) for one in persons)],
        "chosen": str(chosen.pk) if chosen else STANDARD,
        "doctor": chosen,
        "with_ended": with_ended,
        "clinic": clinic,
        "billing": billing,
        "missing_fees": _missing_fees(billing, today),
    }
    return render_page(request, "billing/settings_fees.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def add_fee(request: ClinicRequest) -> HttpResponse:
    """Put a price on the schedule."""
    clinic = ClinicSettings.load()
    now = timezone.now()
    initial: dict[str, Any] = {"valid_from": clinic.date_of(now), "doctor": request.GET.get("of")}
    if request.GET.get("for") in fees.MISSED:
        initial |= {"purpose": request.GET["for"], "session_type": ""}
    form = FeeForm(request.POST or None, currency=clinic.currency, initial=initial)
    if form.is_valid():
        try:
            item = fees.add_fee(form.terms(), by=request.user, at=now)
        except BadFee as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(request, f"{item.description} is on the fee schedule.")
            return _to_list(item)
    return render_page(request, "billing/settings_fee.html", {"currency": clinic.currency}, form=form)


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def change_fee(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Give a price another one that follows it, or change one that has not begun."""
    item = _get_fee(pk)
    now = timezone.now()
    today = ClinicSettings.load().date_of(now)
    initial: dict[str, Any] = {name: getattr(item, name) for name in fees.FIELDS}
    initial["valid_from"] = max(item.valid_from, today)
    form = FeeForm(request.POST or None, currency=item.currency, item=item, initial=initial)
    if form.is_valid():
        try:
            kept = fees.change_fee(item, form.terms(), by=request.user, at=now)
        except BadFee as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            words = f"{kept.description}: the new price holds from {kept.valid_from:%-d %b %Y} on."
            messages.success(request, words if kept.pk != item.pk else f"{kept.description} saved.")
            return _to_list(kept)
    return _fee_page(request, item, form, LastDayForm(initial={"last_day": today}))


@require_http_methods(["POST"])
@requires(Permission.MANAGE_CLINIC)
def end_fee(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Let a price end with a day."""
    item = _get_fee(pk)
    form = LastDayForm(request.POST)
    if form.is_valid():
        try:
            fees.end_fee(item, on=form.cleaned_data["last_day"], by=request.user, at=timezone.now())
        except BadFee as refusal:
            form.add_error("last_day", refusal.message)
        else:
            messages.success(request, f"{item.description} ends.")
            return _to_list(item)
    initial = {name: getattr(item, name) for name in fees.FIELDS}
    return _fee_page(request, item, FeeForm(currency=item.currency, item=item, initial=initial), form)


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def import_fees(request: ClinicRequest) -> HttpResponse:
    """Take a file with prices, show what would become of each row, and take it in on a second press.

    The file comes back with that press: nothing of it is kept in between.
    """
    if "content" in request.POST:
        return _take_fees_in(request)
    form = FeeFileForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"columns": fee_import.COLUMNS}
    if form.is_valid():
        try:
            text = fee_import.read_prices(form.cleaned_data["file"].read(MOST_BYTES + 1))
            fates = fee_import.look_at_prices(text, by=request.user, at=timezone.now())
        except BadFile as refusal:
            form.add_error("file", refusal.message)
        else:
            context |= {"fates": fates, "counts": _count(fates), "again": FeeTextForm(initial={"content": text})}
            return render_page(request, "billing/settings_fee_import.html", {**context, "form": FeeFileForm()})
    return render_page(request, "billing/settings_fee_import.html", context, form=form)


@require_GET
@requires(Permission.MANAGE_CLINIC)
def sample_fees(request: ClinicRequest) -> HttpResponse:
    """Download a file with every column and invented rows."""
    headings, *rows = fee_import.sample()
    return csv_response("sample-fees", headings, rows)


@require_GET
@requires(Permission.MANAGE_CLINIC)
def export_fees(request: ClinicRequest) -> HttpResponse:
    """Download the prices in use and to come, in the form the import takes."""
    today = ClinicSettings.load().date_of(timezone.now())
    rows = FeeScheduleItem.objects.filter(is_active=True).exclude(valid_until__lt=today).select_related("doctor")
    ordered = rows.order_by("session_type", "purpose", "minimum_minutes", "valid_from")
    return csv_response("fee-schedule", fee_import.COLUMNS, (fee_import.existing(item) for item in ordered))


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def billing_settings(request: ClinicRequest) -> HttpResponse:
    """Show and change how the clinic bills."""
    stored = BillingSettings.load()
    form = BillingForm(request.POST or None, instance=BillingSettings.load())
    if form.is_valid():
        settings.update_billing(form.cleaned_data, by=request.user, at=timezone.now())
        messages.success(request, "Billing settings saved.")
        return redirect("billing:billing_settings")
    clinic = ClinicSettings.load()
    context = {
        "clinic": clinic,
        "missing_fees": _missing_fees(stored, clinic.date_of(timezone.now())),
        "payer_count": Payer.objects.filter(is_active=True).count(),
        "stages": ReminderStage.objects.filter(is_active=True),
    }
    return render_page(request, "billing/settings_billing.html", context, form=form)


def _take_fees_in(request: ClinicRequest) -> HttpResponse:
    form = FeeTextForm(request.POST)
    if not form.is_valid():
        messages.error(request, "The file did not come along. Choose it again.")
        return redirect("billing:import_fees")
    try:
        fates = fee_import.import_prices(form.cleaned_data["content"], by=request.user, at=timezone.now())
    except BadFile as refusal:
        messages.error(request, refusal.message)
        return redirect("billing:import_fees")
    counts = _count(fates)
    done = counts[fee_import.NEW] + counts[fee_import.FOLLOWS]
    messages.success(request, f"{done} price{'' if done == 1 else 's'} taken in, {counts[fee_import.BAD]} left out.")
    return redirect("billing:fees")


def _count(fates: list[fee_import.Fate]) -> dict[str, int]:
    outcomes = [fate.outcome for fate in fates]
    names = (fee_import.NEW, fee_import.FOLLOWS, fee_import.SAME, fee_import.BAD)
    return {name: outcomes.count(name) for name in names}


def _missing_fees(billing: BillingSettings, today: Any) -> list[str]:
    """Return for which missed visits the clinic charges without having a price for them."""
    wanted = [
        purpose
        for purpose, charged in zip(fees.MISSED, (billing.charges_late_cancel, billing.charges_no_show), strict=True)
        if charged
    ]
    live = FeeScheduleItem.objects.filter(is_active=True, valid_from__lte=today).exclude(valid_until__lt=today)
    held = set(live.filter(purpose__in=wanted).values_list("purpose", flat=True))
    return [str(purpose.value) for purpose in wanted if purpose not in held]


def _fee_page(request: ClinicRequest, item: FeeScheduleItem, form: FeeForm, ending: LastDayForm) -> HttpResponse:
    today = ClinicSettings.load().date_of(timezone.now())
    context = {
        "item": item,
        "ending": ending,
        "state": fees_page.state_of(item, today),
        "has_begun": item.valid_from <= today,
        "is_live": item.is_active and (item.valid_until is None or item.valid_until >= today),
        "currency": item.currency,
    }
    status = 422 if request.method == "POST" else 200
    return render_page(request, "billing/settings_fee.html", context, form=form, status=status)


def _get_fee(pk: UUID) -> FeeScheduleItem:
    return get_object_or_404(FeeScheduleItem.objects.select_related("doctor"), pk=pk)


def _to_list(item: FeeScheduleItem) -> HttpResponse:
    response = redirect("billing:fees")
    if item.doctor_id is not None:
        response["Location"] += f"?of={item.doctor_id}"
    return response

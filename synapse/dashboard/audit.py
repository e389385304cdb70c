"""The audit log for administrators: read it, filter it, check it, take it away."""

import csv
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.models import Action, AuditEvent, ChainCheck
from synapse.audit.services import record_read
from synapse.audit.verification import check_chain
from synapse.dashboard import trail
from synapse.web.http import ClinicRequest, render_page

TARGET = ("audit.AuditEvent", "")
MOST_EXPORTED = 100_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    *("seq", "at", "actor_label", "action", "outcome", "target_type", "target_label", "target_id"),
    *("patient_id", "ip", "request_id", "detail", "mac"),
)
SPANS = (("1", "Last 24 hours"), ("7", "Last 7 days"), ("30", "Last 30 days"), ("", "All time"))


class TrailFilter(forms.Form):
    """What part of the log to show."""

    q = forms.CharField(required=False, max_length=80)
    days = forms.ChoiceField(required=False, choices=SPANS)
    action = forms.ChoiceField(required=False, choices=[("", "All actions"), *Action.choices])
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def events(self) -> QuerySet[AuditEvent]:
        """Return the chosen events, newest first; a value that is not on the list chooses nothing less."""
        chosen: dict[str, Any] = self.cleaned_data if self.is_valid() else {}
        days = chosen.get("days")
        since = timezone.now() - timedelta(days=int(days)) if days else None
        return trail.find_events(text=chosen.get("q", ""), since=since, action=chosen.get("action", ""))

    @property
    def before_seq(self) -> int | None:
        return self.cleaned_data.get("before") if self.is_valid() else None


@require_GET
@requires(Permission.VIEW_AUDIT)
def index(request: ClinicRequest) -> HttpResponse:
    """Show a page of the log; opening it is an entry itself."""
    record_read(request, target=TARGET)
    data = request.GET or QueryDict("days=7")
    form = TrailFilter(data)
    events = form.events()
    newer_than = events.filter(seq__lt=form.before_seq) if form.before_seq else events
    page = list(newer_than[: trail.PAGE + 1])
    older = data.copy()
    if len(page) > trail.PAGE:
        older["before"] = str(page[trail.PAGE - 1].seq)
    filters = data.copy()
    filters.pop("before", None)
    context = {
        "form": form,
        "rows": trail.describe(page[: trail.PAGE]),
        "total": events.count(),
        "older": older.urlencode() if len(page) > trail.PAGE else "",
        "filters": filters.urlencode(),
        "check": ChainCheck.objects.order_by("-checked_at").first(),
        "last": AuditEvent.objects.order_by("-seq").first(),
        "oddities": trail.find_oddities(timezone.now()),
    }
    return render_page(request, "dashboard/audit.html", context)


@require_POST
@requires(Permission.VIEW_AUDIT)
def check(request: ClinicRequest) -> HttpResponse:
    """Walk the whole chain now."""
    found = check_chain(timezone.now())
    if found.is_whole:
        messages.success(request, f"The log is whole: {found.events:,} entries.")
    else:
        messages.error(request, f"Entry {found.broken_seq:,} is not as it was written: {found.reason}.")
    return redirect("dashboard:audit")


@require_GET
@requires(Permission.VIEW_AUDIT)
def export(request: ClinicRequest) -> HttpResponse:
    """Download the filtered log as CSV, at most 100,000 entries."""
    record_read(request, target=TARGET, action=Action.EXPORT)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-{timezone.localdate():%Y%m%d}.csv"'
    writer = csv.writer(response)
    writer.writerow(COLUMNS)
    for event in TrailFilter(request.GET).events()[:MOST_EXPORTED].iterator(chunk_size=1000):
        writer.writerow([_harmless(getattr(event, name)) for name in COLUMNS])
    return response


def _harmless(value: object) -> str:
    """Return a cell no spreadsheet takes for a formula."""
    text = "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text

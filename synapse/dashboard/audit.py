"""The audit log for administrators: read it, filter it, check it, take it away."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, islice
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit import seals
from synapse.audit.models import Action, AuditEvent, ChainCheck, Outcome
from synapse.audit.services import record_read
from synapse.audit.verification import check_chain
from synapse.oversight import alerts, trail
from synapse.oversight.models import AccessAlert
from synapse.web.csv import csv_response
from synapse.web.http import ClinicRequest, render_page

TARGET = ("audit.AuditEvent", "")
MOST_EXPORTED = 100_000
COLUMNS = (
    *("seq", "at", "actor_label", "action", "outcome", "target_type", "target_label", "target_id"),
    *("patient_id", "ip", "request_id", "sign_in_id", "detail", "mac"),
)
OUTCOMES = ((Outcome.ALLOWED.value, "Allowed"), (Outcome.DENIED.value, "Refused"))
NEWEST_FIRST = "-time"
MOST_COUNTED = 10_000  # beyond that counting costs more than it tells
MOST_UNUSUAL = 4
HEADS = (
    ("time", "Time", "hide-s"),
    ("who", "Who", ""),
    ("did", "Did", ""),
    ("what", "To what", "hide-s"),
    ("outcome", "Outcome", "hide-s"),
    ("from", "From", "hide-s"),
)
SPANS = (("1", "Last 24 hours"), ("7", "Last 7 days"), ("30", "Last 30 days"), ("", "All time"))


class TrailFilter(forms.Form):
    """What part of the log to show, and in which order."""

    q = forms.CharField(required=False, max_length=80)
    days = forms.ChoiceField(required=False, choices=SPANS)
    action = forms.ChoiceField(required=False, choices=[("", "All actions"), *Action.choices])
    outcome = forms.ChoiceField(required=False, choices=[("", "Allowed and refused"), *OUTCOMES])
    sort = forms.ChoiceField(
        required=False, choices=[(sign + name, name) for name in trail.SORTS for sign in ("", "-")]
    )
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def events(self) -> QuerySet[AuditEvent]:
        """Return the chosen events; a value that is not on the list chooses nothing less."""
        chosen = self._chosen
        days = chosen.get("days")
        since = timezone.now() - timedelta(days=int(days)) if days else None
        return trail.find_events(
            text=chosen.get("q", ""),
            since=since,
            action=chosen.get("action", ""),
            outcome=chosen.get("outcome", ""),
        )

    def in_order(self) -> QuerySet[AuditEvent]:
        """Return the chosen events in the chosen order from where the last page ended."""
        return trail.in_order(self.events(), by=self.order, after=self.before_seq)

    @property
    def order(self) -> str:
        return self._chosen.get("sort") or NEWEST_FIRST

    @property
    def sign_in(self) -> UUID | None:
        """Return the sign-in that is asked for, where the text is the id of one."""
        return trail.as_id(self._chosen.get("q", ""))

    @property
    def before_seq(self) -> int | None:
        return self._chosen.get("before")

    @property
    def _chosen(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_valid() else {}


@dataclass(frozen=True)
class Column:
    """The head of a column: where a press on it leads, and how it is sorted now."""

    label: str
    address: str
    order: str
    cls: str


@require_GET
@requires(Permission.VIEW_AUDIT)
def index(request: ClinicRequest) -> HttpResponse:
    """Show a page of the log; opening it is an entry itself."""
    record_read(request, target=TARGET)
    data = request.GET or QueryDict("days=7")
    form = TrailFilter(data)
    page = list(form.in_order()[: trail.PAGE + 1])
    older = data.copy()
    if len(page) > trail.PAGE:
        older["before"] = str(page[trail.PAGE - 1].seq)
    filters = data.copy()
    filters.pop("before", None)
    total = form.events().order_by()[: MOST_COUNTED + 1].count()
    waiting = AccessAlert.objects.visible_to(request.user).waiting()
    context = {
        "form": form,
        "rows": trail.describe(page[: trail.PAGE]),
        "total": min(total, MOST_COUNTED),
        "is_more": total > MOST_COUNTED,
        "older": older.urlencode() if len(page) > trail.PAGE else "",
        "filters": filters.urlencode(),
        "columns": [_column(*column, form, filters) for column in HEADS],
        "check": ChainCheck.objects.order_by("-checked_at").first(),
        "sign_in": form.sign_in,
        "restores": seals.standing(seals.read_seals())[1],
        "last": AuditEvent.objects.order_by("-seq").first(),
        "unusual": alerts.describe(waiting.order_by("-ended_at")[:MOST_UNUSUAL]),
        "unusual_total": waiting.count(),
    }
    return render_page(request, "dashboard/audit.html", context)


def _column(name: str, label: str, cls: str, form: TrailFilter, filters: QueryDict) -> Column:
    """Return a head: the first press sorts upwards, the next one the other way; time begins with the newest."""
    now, asked = form.order, filters.copy()
    order = {name: "ascending", f"-{name}": "descending"}.get(now, "")
    first, other = (f"-{name}", name) if name == "time" else (name, f"-{name}")
    asked["sort"] = other if now == first else first
    return Column(label, f"?{asked.urlencode()}", order, cls)


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
@fresh_proof_required
def export(request: ClinicRequest) -> HttpResponse:
    """Download the filtered log as CSV, at most 100,000 entries; the last line says how many there are beside them."""
    record_read(request, target=TARGET, action=Action.EXPORT)
    chosen = TrailFilter(request.GET)
    left_out = max(0, chosen.events().count() - MOST_EXPORTED)
    rows = (
        [*(getattr(row.event, name) for name in COLUMNS), row.sentence]
        for some in batches(chosen.in_order()[:MOST_EXPORTED].iterator(chunk_size=1000))
        for row in trail.describe(some)
    )
    more = [[*("" for _ in COLUMNS), f"Left out: {left_out:,}. Narrow the search to take these out as well."]]
    return csv_response(
        f"audit-{timezone.localdate():%Y%m%d}", (*COLUMNS, "in_words"), chain(rows, more if left_out else ())
    )


def batches(events: Iterable[AuditEvent]) -> Iterator[list[AuditEvent]]:
    """Yield events a thousand at a time, so that their people are looked up together."""
    waiting = iter(events)
    while some := list(islice(waiting, 1000)):
        yield some

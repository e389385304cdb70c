"""What left the house: each call of a cloud service, for the administrator and on a patient's chart."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.utils import timezone
from django.views.decorators.http import require_GET

from patients.models import Patient
from patients.views import patient_in_scope
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.outside.models import OutsideCall
from synapse.web.csv import csv_response
from synapse.web.http import ClinicRequest, render_page

TARGET = ("outside.OutsideCall", "")
PAGE_SIZE = 50
MOST_EXPORTED = 100_000
SPANS = (("1", "Last 24 hours"), ("7", "Last 7 days"), ("30", "Last 30 days"), ("", "All time"))
COLUMNS = (
    *("at", "ended_at", "purpose", "engine", "model", "host", "patient_id", "target_id"),
    *("bytes_out", "bytes_in", "sha256", "outcome"),
)


class OutsideFilter(forms.Form):
    """Which calls to show: of whom, since when."""

    patient = forms.CharField(required=False, max_length=20)
    days = forms.ChoiceField(required=False, choices=SPANS)

    def calls(self) -> QuerySet[OutsideCall]:
        """Return the chosen calls, the latest first; a number nobody has chooses none."""
        chosen: dict[str, Any] = self.cleaned_data if self.is_valid() else {}
        found = OutsideCall.objects.order_by("-at", "-pk")
        if days := chosen.get("days"):
            found = found.filter(at__gte=timezone.now() - timedelta(days=int(days)))
        if number := chosen.get("patient", "").strip():
            patient = Patient.objects.filter(patient_id=number.upper()).first()
            found = _of(patient) & found if patient else found.none()
        return found


@require_GET
@requires(Permission.VIEW_AUDIT)
def index(request: ClinicRequest) -> HttpResponse:
    """Show what left the house, of everybody."""
    form = OutsideFilter(request.GET or QueryDict("days=30"))
    page = Paginator(form.calls(), PAGE_SIZE).get_page(request.GET.get("page"))
    record_read(request, target=TARGET, subjects={call.patient_id for call in page if call.patient_id})
    filters = request.GET.copy()
    filters.pop("page", None)
    context = {"form": form, "page": page, "rows": _rows(page), "filters": filters.urlencode()}
    return render_page(request, "dashboard/outside.html", context)


@require_GET
@requires(Permission.VIEW_AUDIT)
@fresh_proof_required
def export(request: ClinicRequest) -> HttpResponse:
    """Download the filtered calls as CSV, at most 100,000."""
    record_read(request, target=TARGET, action=Action.EXPORT)
    calls = OutsideFilter(request.GET).calls()[:MOST_EXPORTED].iterator(chunk_size=1000)
    rows = ([getattr(call, name) for name in COLUMNS] for call in calls)
    return csv_response(f"outside-{timezone.localdate():%Y%m%d}", COLUMNS, rows)


@require_GET
@requires(Permission.VIEW_CLINICAL)
def for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show which services saw words or heard sound of one patient."""
    patient = patient_in_scope(request, patient_pk)
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "outside"})
    page = Paginator(_of(patient).order_by("-at", "-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    return render_page(request, "dashboard/outside.html", {"patient": patient, "page": page, "rows": _rows(page)})


def _of(patient: Patient) -> QuerySet[OutsideCall]:
    return OutsideCall.objects.filter(patient_id__in=patient.records().values("pk"))


def _rows(calls: Iterable[OutsideCall]) -> list[tuple[OutsideCall, str]]:
    """Return each call with the visible number of whom it was about."""
    listed = list(calls)
    known = Patient.objects.filter(pk__in={call.patient_id for call in listed if call.patient_id})
    numbers = dict(known.values_list("pk", "patient_id"))
    return [(call, numbers.get(call.patient_id, "") if call.patient_id else "") for call in listed]

"""Superbills: of one bill, or of a patient's visits between two days."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing import queries
from billing.claims import papers, superbill
from billing.claims.forms import SuperbillForm
from billing.claims.prefill import service_date
from billing.claims.views import as_file
from billing.doors import get_bill
from billing.models import Bill
from patients.models import Patient
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, record_read, unit_of_work
from synapse.common.errors import Conflict
from synapse.web.http import ClinicRequest, render_page

FILE_NAME = "superbill.pdf"


@require_GET
@requires(Permission.VIEW_BILLS)
def of_bill(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Return the superbill of one visit."""
    bill = get_bill(request.user, pk)
    why = superbill.why_left_out(bill)
    if why:
        raise Conflict(f"This bill is on no superbill: {why}.")
    return _pdf(request, bill.patient, [bill])


@require_GET
@requires(Permission.VIEW_BILLS)
def of_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Ask which visits a superbill is to hold, show which it would, and return it when asked for the file."""
    patient = get_object_or_404(Patient.objects.in_care_of(request.user), pk=patient_pk)
    today = ClinicSettings.load().date_of(timezone.now())
    asked: dict[str, Any] = {"first": today.replace(month=1, day=1), "last": today}
    asked |= {name: request.GET[name] for name in ("first", "last") if name in request.GET}
    form = SuperbillForm(asked)
    taken: list[Bill] = []
    left_out: list[superbill.LeftOut] = []
    if form.is_valid():
        taken, left_out = superbill.choose_bills(_bills(request, patient, form.cleaned_data))
        if request.GET.get("file") and taken:
            return _pdf(request, patient, taken)
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "superbill"})
    context = {"patient": patient, "taken": taken, "left_out": left_out}
    return render_page(
        request, "billing/superbill.html", context | {"form": form}, status=None if form.is_valid() else 422
    )


def _bills(request: ClinicRequest, patient: Patient, days: dict[str, Any]) -> list[Bill]:
    """Return the patient's bills whose visit lies between two days, both included."""
    clinic = ClinicSettings.load()
    bills = queries.list_patient_bills(request.user, patient).select_related("appointment", "patient__merged_into")
    # A visit is billed on its day or later; the first look is by the database, the second by the clinic's calendar.
    bills = bills.filter(created_at__date__gte=days["first"] - timedelta(days=1))
    chosen = []
    for bill in bills:
        day = service_date(bill, clinic) or bill.bill_date
        if day is not None and days["first"] <= day <= days["last"]:
            chosen.append(bill)
    return chosen


def _pdf(request: ClinicRequest, patient: Patient, bills: list[Bill]) -> HttpResponse:
    content = papers.superbill_pdf(patient, bills, on=ClinicSettings.load().date_of(timezone.now()))
    with unit_of_work():
        for bill in bills:
            record(
                Action.EXPORT,
                by=request.user,
                target=bill,
                patient_id=bill.patient_id,
                detail={"verb": "superbill", "format": "pdf"},
            )
    return as_file(content, FILE_NAME, "application/pdf")

"""The account of one patient's disclosures: the page, the sheet for the patient, and what is noted by hand."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from patients.models import Patient
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.errors import DomainError
from synapse.oversight import disclosing
from synapse.oversight.forms import DisclosureForm
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.SHARE_PATIENTS)
def account(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show to whom something about a patient was given within six years."""
    patient = _patient(request, patient_pk)
    now = timezone.now()
    found = disclosing.account_of(patient, at=now)
    record_read(request, target=patient, patient_id=patient.pk, detail={"page": "disclosures"})
    context = {"patient": patient, "account": found, "since": disclosing.since(now)}
    return render_page(request, "oversight/disclosures.html", context)


@require_GET
@requires(Permission.SHARE_PATIENTS)
def account_pdf(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Return the account as a PDF for the patient."""
    patient = _patient(request, patient_pk)
    now = timezone.now()
    content = disclosing.account_pdf(patient, disclosing.account_of(patient, at=now), at=now)
    detail = {"document": "disclosures", "format": "pdf"}
    record_read(request, target=patient, action=Action.PRINT, patient_id=patient.pk, detail=detail)
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = 'attachment; filename="disclosures.pdf"'
    return response


@require_http_methods(["GET", "POST"])
@requires(Permission.SHARE_PATIENTS)
def note(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Write down a disclosure made by word of mouth, by letter or by hand."""
    patient = _patient(request, patient_pk)
    today = ClinicSettings.load().date_of(timezone.now())
    form = DisclosureForm(request.POST or None, initial={"disclosed_on": today})
    if form.is_valid():
        try:
            disclosing.note_disclosure(patient, form.cleaned_data, by=request.user, at=timezone.now())
        except DomainError as error:
            form.add_error("disclosed_on", error.message)
        else:
            messages.success(request, "Noted.")
            return redirect("oversight:disclosures", patient.pk)
    record_read(request, target=patient, patient_id=patient.pk, detail={"page": "note_disclosure"})
    return render_page(request, "oversight/note_disclosure.html", {"patient": patient}, form=form)


def _patient(request: ClinicRequest, pk: UUID) -> Patient:
    # To whom something was given is no part of an emergency.
    return get_object_or_404(Patient.objects.visible_to(request.user).in_care_of(request.user), pk=pk)

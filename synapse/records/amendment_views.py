"""Corrections patients ask for: noted on the patient, decided on their page, shown as a line on the report."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients.models import Patient
from reports.models import Report
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.errors import DomainError
from synapse.records import amendments
from synapse.records.amendment_forms import AcceptForm, DenyForm, NoteForm, WordsForm
from synapse.records.amendment_models import AmendmentRequest
from synapse.web.http import ClinicRequest, render_page


@require_http_methods(["GET", "POST"])
@requires(Permission.EDIT_PATIENTS)
def for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """List what the patient asked to have corrected, and note a new request. Reception notes and reads none."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=patient_pk).kept_record
    signed = Report.objects.visible_to(request.user).filter(
        session__patient__in=patient.records(), status=Report.Status.SIGNED
    )
    reads = request.user.may(Permission.VIEW_REPORTS)
    initial = {"received_on": timezone.localdate(), "report": request.GET.get("report", "")}
    reports = signed.select_related("session").order_by("-signed_at") if reads else None
    form = NoteForm(request.POST or None, reports=reports, initial=initial)
    if form.is_valid():
        asked = amendments.note_amendment(patient, **form.cleaned_data, by=request.user, at=timezone.now())
        messages.success(request, "Noted. The doctor finds it on the worklist.")
        return redirect("amendments:detail", pk=asked.pk) if reads else redirect("patients:detail", pk=patient.pk)
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "amendment_requests"})
    asked_before = AmendmentRequest.objects.visible_to(request.user).filter(patient=patient)
    context = {"patient": patient, "requests": asked_before.order_by("-received_on", "-created_at"), "reads": reads}
    return render_page(request, "records/amendments.html", context, form=form)


@require_GET
@requires(Permission.VIEW_REPORTS)
def for_report(request: ClinicRequest, report_pk: UUID) -> HttpResponse:
    """Return the line a report's page shows about requests for its correction; nothing where there is none."""
    report = get_object_or_404(Report.objects.visible_to(request.user).select_related("session"), pk=report_pk)
    record_read(request, target=report, patient_id=report.session.patient_id, poll=True)
    asked = AmendmentRequest.objects.visible_to(request.user).filter(report=report).order_by("received_on")
    context = {"report": report, "requests": asked}
    return render_page(request, "records/amendment_line.html", context, fragment="records/_amendment_line.html")


@require_GET
@requires(Permission.VIEW_REPORTS)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show one request with its clock, its answer and what can be done."""
    return _detail(request, _asked(request, pk))


@require_POST
@requires(Permission.DECIDE_AMENDMENTS)
def accept(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Agree, and name what corrects the record."""
    asked = _asked(request, pk)
    form = AcceptForm(request.POST, asked=asked)
    if form.is_valid():
        try:
            amendments.accept_amendment(asked, **form.terms, by=request.user, at=timezone.now())
        except DomainError as error:
            if error.code not in {"nothing_done", "not_its_addendum", "not_its_version"}:
                raise
            form.add_error("deed" if "deed" in form.fields else "note", error.message)
        else:
            return redirect("amendments:detail", pk=pk)
    return _detail(request, asked, accept_form=form)


@require_POST
@requires(Permission.DECIDE_AMENDMENTS)
def deny(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Refuse, on a lawful ground."""
    asked, form = _asked(request, pk), DenyForm(request.POST)
    if not form.is_valid():
        return _detail(request, asked, deny_form=form)
    amendments.deny_amendment(asked, **form.cleaned_data, by=request.user, at=timezone.now())
    return redirect("amendments:detail", pk=pk)


@require_POST
@requires(Permission.DECIDE_AMENDMENTS)
def extend(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take thirty days more."""
    asked, form = _asked(request, pk), WordsForm(request.POST)
    if not form.is_valid():
        return _detail(request, asked, extend_form=form)
    amendments.extend_amendment(asked, reason=form.cleaned_data["text"], by=request.user, at=timezone.now())
    return redirect("amendments:detail", pk=pk)


@require_POST
@requires(Permission.VIEW_REPORTS)
def disagree(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Keep what the patient says to the denial."""
    asked, form = _asked(request, pk), WordsForm(request.POST)
    if not form.is_valid():
        return _detail(request, asked, words_form=form)
    amendments.note_disagreement(asked, form.cleaned_data["text"], by=request.user, at=timezone.now())
    messages.success(request, "Kept. It is printed with the report from now on.")
    return redirect("amendments:detail", pk=pk)


@require_GET
@requires(Permission.VIEW_REPORTS)
def letter(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Return the answer as a letter."""
    asked = _asked(request, pk)
    content = amendments.letter_of(asked, at=timezone.now())
    detail = {"format": "pdf", "document": "amendment_letter"}
    record_read(request, target=asked, action=Action.EXPORT, patient_id=asked.patient_id, detail=detail)
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="answer-{asked.pk.hex[:8]}.pdf"'
    response["Cache-Control"] = "no-store"
    return response


def _detail(request: ClinicRequest, asked: AmendmentRequest, **forms: Any) -> HttpResponse:
    record_read(request, target=asked, patient_id=asked.patient_id, poll=True)
    context: dict[str, Any] = {
        "asked": asked,
        "patient": asked.patient,
        "is_late": asked.is_open and asked.due_on < timezone.localdate(),
        "can_decide": amendments.can_decide(request.user, asked),
        "accept_form": AcceptForm(asked=asked),
        "deny_form": DenyForm(),
        "extend_form": WordsForm(),
        "words_form": WordsForm(),
        **forms,
    }
    return render_page(request, "records/amendment.html", context, status=422 if forms else 200)


def _asked(request: ClinicRequest, pk: UUID) -> AmendmentRequest:
    rows = AmendmentRequest.objects.visible_to(request.user).select_related(
        "patient", "report__session__doctor", "noted_by", "decided_by", "addendum", "amended_report"
    )
    return get_object_or_404(rows, pk=pk)

"""Documents about money as files, and how they reach the patient."""

from typing import Any
from uuid import UUID

from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing.documents import statement
from billing.documents.sheets import INSURER, PATIENT, Sheet, sheet_of, to_pdf
from billing.doors import get_bill
from billing.models import BillLink, BillMessage, Payment
from billing.services import issuing, links, messages
from patients.models import Patient
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.errors import Conflict, DomainError
from synapse.web.http import ClinicRequest, next_page_of, render_page

SAID = {
    "mail": "The bill is on its way by e-mail, as a link.",
    "attach": "The bill is on its way by e-mail, with the file.",
    "desk": "Noted that the patient has the bill.",
}


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def send(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Issue the bill and mail it, print it, or note that it was handed over."""
    bill = get_bill(request.user, pk)
    how = request.POST.get("how", "")
    messages.send_invoice(bill, how=how, by=request.user, at=timezone.now())
    if how == "print":
        return redirect("billing:pdf", bill.pk)
    notices.success(request, SAID[how])
    return redirect("billing:detail", bill.pk)


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_BILLS)
def pdf(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Return the invoice as a file, `?copy=insurer` with diagnoses; POST issues a draft first, GET does not."""
    bill = get_bill(request.user, pk)
    if request.method == "POST":
        issuing.issue_bill(bill, by=request.user, at=timezone.now())
    elif not bill.bill_number:
        raise Conflict("This bill has no number yet. Make the invoice with the button on its page.")
    copy = INSURER if request.GET.get("copy") == INSURER else PATIENT
    sheet = sheet_of("invoice", bill=bill, copy=copy)
    content = to_pdf(sheet)
    issuing.note_export(bill, "pdf", by=request.user, at=timezone.now())
    return _file(sheet, content)


@require_GET
@requires(Permission.VIEW_BILLS)
def receipt(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Return the receipt of a payment as a file."""
    payment = _payment(request, pk)
    sheet = sheet_of("receipt", payment=payment)
    return _exported(request, sheet, target=payment, patient=payment.patient)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def send_receipt(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Mail the receipt of a payment."""
    payment = _payment(request, pk)
    has_file = request.POST.get("how") == "attach"
    messages.send_receipt(payment, by=request.user, at=timezone.now(), with_attachment=has_file)
    notices.success(request, "The receipt is on its way by e-mail.")
    return _back(request, payment.patient)


@require_GET
@requires(Permission.VIEW_BILLS)
def statement_page(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show what a patient owes as the statement will print it, what was sent, and the ways to send it."""
    patient = _patient(request, patient_pk)
    now = timezone.now()
    sheet = sheet_of("statement", patient=patient, at=now)
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "statement"})
    sent = [message for message in messages.messages_of(patient) if message.document == BillMessage.Document.STATEMENT]
    context: dict[str, Any] = {
        **sheet.context,
        "patient": patient,
        "can_send": request.user.may(Permission.RECORD_PAYMENTS) and statement.owes_anything(patient),
        "address": messages.address_of(patient, BillMessage.Channel.EMAIL),
        "is_stopped": patient.kept_record.messages_stopped_at is not None,
        "sent": [(message, _live_link(message, at=now)) for message in sent],
    }
    return render_page(request, "billing/statement.html", context)


@require_GET
@requires(Permission.VIEW_BILLS)
def statement_pdf(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Return the statement of a patient as a file."""
    patient = _patient(request, patient_pk)
    sheet = sheet_of("statement", patient=patient)
    return _exported(request, sheet, target=patient, patient=patient)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def send_statement(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Send the statement of a patient by mail, or print it."""
    patient = _patient(request, patient_pk)
    how = request.POST.get("how", "")
    if how not in messages.HOW:
        raise DomainError("Choose how the statement reaches the patient.", code="how_missing")
    messages.send_statement(
        patient,
        by=request.user,
        at=timezone.now(),
        with_attachment=how == "attach",
        channel=messages.HOW[how],
    )
    if how == "print":
        return redirect("billing:statement_pdf", patient.pk)
    said = "Noted that the patient has the statement." if how == "desk" else "The statement is on its way by e-mail."
    notices.success(request, said)
    return redirect("billing:statement", patient.pk)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def send_again(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Send a message once more, with a new link."""
    message = _message(request, pk)
    messages.send_again(message, by=request.user, at=timezone.now())
    notices.success(request, "It goes out once more, with a new link.")
    return _back(request, message.patient)


@require_GET
@requires(Permission.VIEW_BILLS)
def letter(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Return the document of a message as a file: a reminder as it was written, the others as they are now."""
    message = _message(request, pk)
    sheet = sheet_of(
        message.document, bill=message.bill, payment=message.payment, patient=message.patient, message=message
    )
    return _exported(request, sheet, target=message, patient=message.patient)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def revoke_link(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """End a link at once."""
    patients = Patient.objects.in_care_of(request.user)
    link = get_object_or_404(BillLink.objects.filter(patient__in=patients), pk=pk)
    links.revoke_link(link, by=request.user, at=timezone.now())
    notices.success(request, "The link opens nothing any more.")
    return _back(request, link.patient)


def _payment(request: ClinicRequest, pk: UUID) -> Payment:
    return get_object_or_404(Payment.objects.visible_to(request.user).select_related("patient", "by", "insurer"), pk=pk)


def _patient(request: ClinicRequest, pk: UUID) -> Patient:
    return get_object_or_404(Patient.objects.in_care_of(request.user), pk=pk)


def _message(request: ClinicRequest, pk: UUID) -> BillMessage:
    rows = BillMessage.objects.visible_to(request.user).select_related("patient", "bill__doctor", "payment")
    return get_object_or_404(rows, pk=pk)


def _live_link(message: BillMessage, *, at: Any) -> BillLink | None:
    """Return a message's link while it opens something."""
    link: BillLink | None = getattr(message, "link", None)
    return link if link is not None and links.is_live(link, at=at) else None


def _exported(request: ClinicRequest, sheet: Sheet, *, target: Any, patient: Patient) -> HttpResponse:
    """Hand over a file that the trail knows of."""
    content = to_pdf(sheet)
    record_read(request, target=target, action=Action.EXPORT, patient_id=patient.pk, detail={"format": "pdf"})
    return _file(sheet, content)


def _file(sheet: Sheet, content: bytes) -> HttpResponse:
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{sheet.file_name}"'
    response["Cache-Control"] = "no-store"
    return response


def _back(request: HttpRequest, patient: Patient) -> HttpResponse:
    """Return to the page that was left, else to the patient's statement."""
    if request.POST.get("next"):
        return HttpResponseRedirect(next_page_of(request))
    return redirect("billing:statement", patient.pk)

"""What is done about an unpaid bill: remind, note a dispute, hand it to collection."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import permissions
from billing.doors import get_bill
from billing.models import Bill, BillMessage, ReminderStage
from billing.reminders import pages as reminder_pages
from billing.reminders.chases import Chase, chases_of
from billing.reminders.forms import RemindForm, WhyForm
from billing.services import collecting, reminders
from billing.services.messages import CannotSend
from patients.models import Patient
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.figures import read_whole_number
from synapse.web.http import ClinicRequest, render_page

PRINT = BillMessage.Channel.PRINT


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def remind(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Choose the letter and the way, see its words, send it."""
    bill = get_bill(request.user, pk)
    [chase] = chases_of([bill])
    now = timezone.now()
    stages, channels = reminder_pages.stages_to(chase), reminder_pages.channels_to(bill)
    form = RemindForm(
        request.POST or None,
        stages=stages,
        channels=channels,
        initial={"stage": stages[0][0] if stages else None, "channel": channels[0][0]},
    )
    why_not = _why_not(chase, now)
    if request.method == "POST" and form.is_valid():
        try:
            message = reminders.remind(bill, by=request.user, at=now, **form.cleaned_data)
        except reminders.TooSoon as error:
            form.add_error("early_reason", str(error))
        except (reminders.CannotRemind, CannotSend) as error:
            form.add_error(None, str(error))
        else:
            if message.channel == PRINT:
                return redirect("billing:letter", message.pk)
            messages.success(request, "The reminder is on its way.")
            return redirect(_page(bill))
    record_read(request, target=bill, patient_id=bill.patient_id, detail={"part": "reminder"}, poll=True)
    chosen = read_whole_number(str(form["stage"].value() or "")) or 0
    context = {
        "bill": bill,
        "owes": chase.owes,
        "why_not": why_not,
        "needs_reason": isinstance(why_not, reminders.TooSoon),
        "may_go": why_not is None or isinstance(why_not, reminders.TooSoon),
        "is_unwritable": channels[0][0] == PRINT,
        "letter": _letter(bill, chosen, chase),
    }
    return render_page(request, "billing/remind.html", context, form=form)


@require_GET
@requires(Permission.RECORD_PAYMENTS)
def preview(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show the words of the chosen letter about a bill: a part of the page before it is sent."""
    bill = get_bill(request.user, pk)
    [chase] = chases_of([bill])
    stage = request.GET.get("stage", "")
    record_read(request, target=bill, patient_id=bill.patient_id, detail={"part": "reminder"}, poll=True)
    context = {"letter": _letter(bill, read_whole_number(stage) or 0, chase)}
    return render_page(request, "billing/_reminder_letter.html", context)


@require_GET
@requires(Permission.VIEW_BILLS)
def messages_for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show what a patient was sent about money: a part of the patient's messages and of the account."""
    patient = get_object_or_404(Patient.objects.in_care_of(request.user), pk=patient_pk)
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "bill messages"}, poll=True)
    context = {"patient": patient, "sent_messages": reminder_pages.log_of_patient(patient, request.user)}
    return render_page(request, "billing/messages_log.html", context, fragment="billing/_messages_log.html")


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def dispute(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note what the patient contests."""
    bill = get_bill(request.user, pk)
    words = {
        "title": "The bill is disputed",
        "explains": "No reminder goes out until the dispute is settled. The amount stays open.",
        "asks": "What does the patient contest?",
        "button": "Note the dispute",
    }
    return _with_reason(request, bill, collecting.dispute, words, "Noted. No reminder goes out until it is settled.")


@require_http_methods(["GET", "POST"])
@requires(Permission.REFUND_BILLS)
def hand_to_collection(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Hand an overdue bill to somebody who collects it."""
    bill = get_bill(request.user, pk)
    permissions.check_can_give_back(request.user, bill)
    words = {
        "title": "Hand to collection",
        "explains": "The clinic reminds no more. Give the collector number, amount and address; nothing about the visits.",
        "asks": "Who collects it, and why now?",
        "button": "Hand to collection",
    }
    return _with_reason(
        request, bill, collecting.hand_to_collection, words, "Handed to collection. Reminders have stopped."
    )


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def settle_dispute(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that a dispute is over."""
    bill = get_bill(request.user, pk)
    collecting.settle_dispute(bill, by=request.user, at=timezone.now())
    messages.success(request, "The dispute is settled. Reminders go on.")
    return redirect(_page(bill))


@require_POST
@requires(Permission.REFUND_BILLS)
def take_back(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take a bill back from collection."""
    bill = get_bill(request.user, pk)
    collecting.take_back(bill, by=request.user, at=timezone.now())
    messages.success(request, "Taken back from collection.")
    return redirect(_page(bill))


def _with_reason(
    request: ClinicRequest, bill: Bill, verb: Callable[..., Bill], words: dict[str, str], said: str
) -> HttpResponse:
    form = WhyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        verb(bill, reason=form.cleaned_data["reason"], by=request.user, at=timezone.now())
        messages.success(request, said)
        return redirect(_page(bill))
    record_read(request, target=bill, patient_id=bill.patient_id, detail={"part": "reason"}, poll=True)
    return render_page(request, "billing/reminder_why.html", {"bill": bill, "words": words}, form=form)


def _why_not(chase: Chase, now: datetime) -> reminders.CannotRemind | None:
    try:
        reminders.check_can_remind(chase, today=ClinicSettings.load().date_of(now))
    except reminders.CannotRemind as error:
        return error
    return None


def _letter(bill: Bill, stage: int, chase: Chase) -> reminder_pages.Letter | None:
    rows = {row.stage: row for row in ReminderStage.load_all()}
    return reminder_pages.letter_about(bill, rows[stage], owes=chase.owes) if stage in rows else None


def _page(bill: Bill) -> str:
    return reverse("billing:detail", args=[bill.pk])

"""What staff do about messages: read a patient's log, choose how they are written to, remind now, answer requests."""

from uuid import UUID

from django.contrib import messages as toasts
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from patients import permissions as patient_permissions
from patients.contact.reaching import reader_of
from patients.models import Patient
from scheduling.doors import changed, get_visit
from scheduling.messages import queries as message_queries
from scheduling.messages.forms import PreferenceForm
from scheduling.models import Appointment, AppointmentMessage
from scheduling.services import answers, messages
from synapse.accounts.choices import MessageChannels
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.notifications import sms
from synapse.web.http import ClinicRequest, render_page

MOST_SHOWN = 60

Status = AppointmentMessage.Status
SkipReason = AppointmentMessage.SkipReason


@require_GET
@requires(Permission.VIEW_CALENDAR)
def for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show what a patient was told, and how they want to be written to: a panel of the patient's page."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=patient_pk)
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "messages"}, poll=True)
    return _log(request, patient)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def set_preference(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Keep how a patient wants to be written to."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=patient_pk)
    form = PreferenceForm(request.POST)
    if form.is_valid():
        channel = form.cleaned_data["message_channel"]
        messages.set_preference(patient, channel=channel, by=request.user, at=timezone.now())
        toasts.success(request, "Saved how this patient is written to.")
        if not request.htmx:
            return redirect("scheduling:messages_for_patient", patient_pk)
    return _log(request, patient, form=form if form.errors else None)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def send_again(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Send a message of the log once more."""
    patients = Patient.objects.visible_to(request.user)
    rows = AppointmentMessage.objects.visible_to(request.user)
    rows = rows.select_related("appointment__doctor", "patient__merged_into")
    message = get_object_or_404(rows, pk=pk, patient__in=patients)
    messages.send_again(message, by=request.user, at=timezone.now())
    toasts.success(request, "The message goes out within a minute.")
    if request.htmx:
        return _log(request, reader_of(message.patient))
    return redirect("scheduling:messages_for_patient", message.patient_id)


@require_GET
@requires(Permission.VIEW_CALENDAR)
def for_visit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show the messages of one visit: a panel of the visit's page."""
    visit = get_visit(request, pk)
    record_read(request, target=visit, patient_id=visit.patient_id, detail={"part": "messages"}, poll=True)
    rows = visit.messages.select_related("requested_by", "appointment").order_by("due_at", "created_at")
    context = {
        "visit": visit,
        "rows": [(row, message_queries.state_of(row), False) for row in rows],
        "stopped_at": reader_of(visit.patient).messages_stopped_at,
    }
    return render_page(
        request, "scheduling/messages/for_visit.html", context, fragment="scheduling/messages/_for_visit.html"
    )


@require_POST
@requires(Permission.VIEW_CALENDAR)
def send_reminder(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Remind a patient now."""
    visit = get_visit(request, pk)
    messages.send_reminder(visit, by=request.user, at=timezone.now())
    return changed(request, visit, "The reminder goes out within a minute.")


@require_POST
@requires(Permission.VIEW_CALENDAR)
def settle_request(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Put a patient's request for another time away."""
    visit = get_visit(request, pk)
    answers.settle_request(visit, by=request.user, at=timezone.now())
    return changed(request, visit, "The request is settled. The visit stays as it is.")


def _log(request: ClinicRequest, patient: Patient, *, form: PreferenceForm | None = None) -> HttpResponse:
    everything = message_queries.list_messages(request.user, patient)
    planned = everything.filter(status=Status.DUE).order_by("due_at")
    # What was planned for a visit that changed since would drown what happened.
    past = everything.exclude(status=Status.DUE).exclude(skip_reason=SkipReason.VISIT_CHANGED)
    context = {
        "patient": patient,
        "planned": [(row, message_queries.state_of(row), False) for row in planned[:MOST_SHOWN]],
        "past": [(row, message_queries.state_of(row), _may_send_again(row)) for row in past[:MOST_SHOWN]],
        "preference": form or PreferenceForm(initial={"message_channel": messages.wish_of(patient)}),
        "may_edit": patient_permissions.can_edit(request.user, patient),
        "clinic_wish": MessageChannels(ClinicSettings.load().message_channels).label,
        "offers_sms": sms.is_offered(),
        "stopped_at": patient.messages_stopped_at,
        "money_address": _address_of_money(request, patient),
    }
    return render_page(
        request,
        "scheduling/messages/for_patient.html",
        context,
        fragment="scheduling/messages/_for_patient.html",
        status=422 if form is not None else None,
    )


def _address_of_money(request: ClinicRequest, patient: Patient) -> str:
    """Return where an app above shows what the patient was sent about bills; nothing without one."""
    if not request.user.may(Permission.VIEW_BILLS):
        return ""
    try:
        return reverse("billing:messages_for_patient", args=[patient.pk])
    except NoReverseMatch:
        return ""


def _may_send_again(row: AppointmentMessage) -> bool:
    visit = row.appointment
    if visit is None or row.status in {Status.DUE, Status.SENDING} or visit.scheduled_at <= timezone.now():
        return False
    wanted = {Appointment.Status.CANCELLED} if row.kind == row.Kind.CANCELLED else set(Appointment.OPEN)
    return visit.status in wanted

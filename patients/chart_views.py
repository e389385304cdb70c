"""The chart of one patient: its tabs, and who may open it. Every opening is recorded."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from patients import permissions, queries, services
from patients.choices import label_of
from patients.forms import ShareForm
from patients.merging import services as merging
from patients.models import Consent, Patient, PatientAccess
from patients.views import patient_in_scope
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page

# What other apps show of a patient is loaded from their addresses, for those who may see it.
PANELS = (
    ("dashboard:timeline", Permission.VIEW_PATIENTS, "All"),
    ("scheduling:for_patient", Permission.VIEW_CALENDAR, "Visits"),
    ("scheduling:messages_for_patient", Permission.VIEW_CALENDAR, "Messages"),
    ("sessions:for_patient", Permission.VIEW_SESSIONS, "Sessions"),
    ("reports:for_patient", Permission.VIEW_REPORTS, "Reports"),
    ("reports:for_reception", Permission.HAND_OVER_REPORTS, "Reports"),
    ("billing:for_patient", Permission.VIEW_BILLS, "Bills"),
)
# What an emergency opens is for reading the chart and signed reports.
CLOSED_IN_AN_EMERGENCY = {"Sessions", "Bills"}
# Chips in the chart's head: the three that decide what the recorder may do.
CHIPS = {
    Consent.Kind.RECORDING: "Recording",
    Consent.Kind.AI_NOTE: "Cloud draft",
    Consent.Kind.KEEP_AUDIO: "Keep audio",
}


@dataclass(frozen=True)
class Tab:
    """A page of the chart; `count` stands beside its name."""

    route: str
    label: str
    count: int | None = None

    @property
    def name(self) -> str:
        return self.route.rpartition(":")[2]


@dataclass(frozen=True)
class Panel:
    """A part of the chart that another app draws."""

    label: str
    address: str


@require_GET
@requires(Permission.VIEW_PATIENTS)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what happened with the patient: visits, sessions, reports and bills."""
    patient = patient_in_scope(request, pk)
    context = {
        "panels": _panels(request, patient),
        "medications": _lines(patient.current_medications),
        "writes_private_notes": request.user.may(Permission.CONDUCT_SESSIONS),
    }
    return render_chart(request, patient, "detail", context)


@require_GET
@requires(Permission.VIEW_PATIENTS)
def profile(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show who the patient is and how to reach them."""
    patient = patient_in_scope(request, pk)
    context = {
        "gender": label_of("gender", patient.gender),
        "marital_status": label_of("marital_status", patient.marital_status),
        "relationship": label_of("emergency_contact_relationship", patient.emergency_contact_relationship),
        "merges": [
            (done, permissions.can_undo_merge(request.user, done, at=timezone.now()))
            for done in merging.merges_of(patient)
        ],
        "may_merge": request.user.may(Permission.SHARE_PATIENTS) and patient.archived_at is None,
        "may_erase": request.user.may(Permission.ERASE_PATIENTS),
        "corrections_address": _address("amendments:for_patient", patient.pk),
    }
    return render_chart(request, patient, "profile", context)


@require_GET
@requires(Permission.VIEW_CLINICAL)
def history(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show allergies, history and notes."""
    patient = patient_in_scope(request, pk)
    return render_chart(request, patient, "history", {"history": _lines(patient.medical_history)})


@require_GET
@requires(Permission.VIEW_CLINICAL)
def medications(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what the patient takes."""
    patient = patient_in_scope(request, pk)
    return render_chart(request, patient, "medications", {"medications": _lines(patient.current_medications)})


@require_GET
@requires(Permission.SHARE_PATIENTS)
def sharing(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show who may open the chart and why."""
    patient = patient_in_scope(request, pk)
    return _sharing(request, patient, ShareForm(patient=patient))


@require_POST
@requires(Permission.SHARE_PATIENTS)
@fresh_proof_required
def share(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Open the chart to a colleague."""
    patient = patient_in_scope(request, pk)
    form = ShareForm(request.POST, patient=patient)
    if not form.is_valid():
        return _sharing(request, patient, form)
    doctor = form.cleaned_data["doctor"]
    services.share_patient(patient, doctor=doctor, by=request.user, at=timezone.now())
    messages.success(request, f"{doctor.display_name} can open this chart now.")
    return redirect("patients:sharing", pk=pk)


@require_POST
@requires(Permission.SHARE_PATIENTS)
def end_share(request: ClinicRequest, pk: UUID, access_pk: UUID) -> HttpResponse:
    """Close the chart to a colleague again."""
    patient = patient_in_scope(request, pk)
    access = get_object_or_404(PatientAccess.objects.select_related("patient", "doctor"), pk=access_pk, patient=patient)
    services.end_share(access, by=request.user, at=timezone.now())
    messages.success(request, f"The share with {access.doctor.display_name} has ended.")
    return redirect("patients:sharing", pk=pk)


def _sharing(request: ClinicRequest, patient: Patient, form: ShareForm) -> HttpResponse:
    sees_links = request.user.may(Permission.VIEW_REPORTS)
    context = {
        "openers": queries.openers_of(patient),
        "form": form,
        "may_share": patient.archived_at is None,
        "links_address": _address("reports:shares_for_patient", patient.pk) if sees_links else "",
        "record_address": _address("record_requests:for_patient", patient.pk)
        if request.user.may(Permission.EXPORT_RECORDS)
        else "",
        "corrections_address": _address("amendments:for_patient", patient.pk),
    }
    return render_chart(request, patient, "sharing", context, status=422 if form.is_bound else 200)


def render_chart(
    request: ClinicRequest,
    patient: Patient,
    tab: str,
    context: dict[str, Any],
    *,
    status: int = 200,
    states: list[queries.ConsentState] | None = None,
) -> HttpResponse:
    """Record the opening and render one tab under the chart's head; a merged record's opens in the kept one."""
    user = request.user
    if patient.merged_into is not None:
        messages.info(request, f"{patient.patient_id} was merged into this record, {patient.merged_into.patient_id}.")
        return redirect(f"patients:{tab}", pk=patient.merged_into.pk)
    now = timezone.now()
    sees_clinical = user.may(Permission.VIEW_CLINICAL)
    clinic = ClinicSettings.load()
    record_read(request, target=patient, patient_id=patient.pk, detail={"page": tab, "clinical_fields": sees_clinical})
    states = queries.consent_states(patient, at=now) if states is None else states
    openers = queries.openers_of(patient)
    is_emergency = any(opener.doctor == user and opener.is_emergency for opener in openers)
    address = reverse("patients:edit", args=[patient.pk])
    frame = {
        "patient": patient,
        "age": patient.age_on(clinic.date_of(now)),
        "gender_word": label_of("gender", patient.gender),
        "region": clinic.region,
        "tabs": _tabs(request, patient, states, openers, is_emergency=is_emergency),
        "is_emergency": is_emergency,
        "tab": tab,
        "chips": [(CHIPS[Consent.Kind(state.kind)], state) for state in states if state.kind in CHIPS],
        "merged_numbers": list(patient.merged_records.values_list("patient_id", flat=True)),
        "registered_with": next((opener for opener in openers if opener.is_responsible), None),
        "covering": [
            opener
            for opener in openers
            if opener.cover is not None and user.pk in {opener.doctor.pk, opener.cover.from_doctor_id}
        ],
        "sees_clinical": sees_clinical,
        "edit_address": address if permissions.can_edit(user, patient) else "",
        "clinical_edit_address": f"{address}#health" if permissions.can_edit_clinical(user, patient) else "",
        "may_archive": permissions.can_archive(user, patient),
    }
    if is_emergency:
        context["panels"] = [one for one in context.get("panels", ()) if one.label not in CLOSED_IN_AN_EMERGENCY]
    else:
        may_start, may_book = user.may(Permission.CONDUCT_SESSIONS), user.may(Permission.VIEW_CALENDAR)
        frame["start_address"] = _action_address("sessions:start", patient) if may_start else ""
        frame["book_address"] = _action_address("scheduling:book", patient) if may_book else ""
    return render_page(request, f"patients/{tab}.html", {**frame, **context}, status=status)


def _tabs(
    request: ClinicRequest,
    patient: Patient,
    states: list[queries.ConsentState],
    openers: list[queries.Opener],
    *,
    is_emergency: bool,
) -> list[Tab]:
    user = request.user
    tabs = [Tab("patients:detail", "Timeline"), Tab("patients:profile", "Profile")]
    if user.may(Permission.VIEW_CLINICAL):
        tabs.append(Tab("patients:history", "History"))
        tabs.append(Tab("patients:medications", "Medications", len(_lines(patient.current_medications))))
    if user.may(Permission.RECORD_CONSENT):
        tabs.append(Tab("patients:consents", "Consents", sum(state.is_live for state in states)))
    if user.may(Permission.SHARE_PATIENTS) and not is_emergency:
        tabs.append(Tab("patients:sharing", "Sharing", len(openers)))
    return tabs


def _panels(request: ClinicRequest, patient: Patient) -> list[Panel]:
    addresses = [
        (label, _address(route, patient.pk)) for route, permission, label in PANELS if request.user.may(permission)
    ]
    return [Panel(label, address) for label, address in addresses if address]


def _action_address(route: str, patient: Patient) -> str:
    """Return where an action on this patient begins; an archived record offers none."""
    if patient.archived_at is not None:
        return ""
    address = _address(route)
    return f"{address}?patient={patient.pk}" if address else ""


def _address(route: str, *args: object) -> str:
    try:
        return reverse(route, args=args)
    except NoReverseMatch:
        return ""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]

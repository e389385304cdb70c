"""The chart of one patient: its tabs, its consents, and who may open it. Every opening is recorded."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from patients import consent as consents
from patients import permissions, queries, services
from patients.choices import label_of
from patients.consent_texts import CURRENT
from patients.forms import AudioRetentionForm, ConsentForm, ShareForm
from patients.models import Consent, Patient, PatientAccess
from patients.views import patient_in_scope
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page

# What other apps show of a patient is loaded from their addresses, for those who may see it.
PANELS = (
    ("dashboard:timeline", Permission.VIEW_PATIENTS, "All"),
    ("scheduling:for_patient", Permission.VIEW_CALENDAR, "Visits"),
    ("sessions:for_patient", Permission.VIEW_SESSIONS, "Sessions"),
    ("reports:for_patient", Permission.VIEW_REPORTS, "Reports"),
    ("billing:for_patient", Permission.VIEW_BILLS, "Bills"),
)
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
    context = {"panels": _panels(request, patient), "medications": _lines(patient.current_medications)}
    return _chart(request, patient, "detail", context)


@require_GET
@requires(Permission.VIEW_PATIENTS)
def profile(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show who the patient is and how to reach them."""
    patient = patient_in_scope(request, pk)
    context = {
        "gender": label_of("gender", patient.gender),
        "marital_status": label_of("marital_status", patient.marital_status),
        "relationship": label_of("emergency_contact_relationship", patient.emergency_contact_relationship),
    }
    return _chart(request, patient, "profile", context)


@require_GET
@requires(Permission.VIEW_CLINICAL)
def history(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show allergies, history and notes."""
    patient = patient_in_scope(request, pk)
    return _chart(request, patient, "history", {"history": _lines(patient.medical_history)})


@require_GET
@requires(Permission.VIEW_CLINICAL)
def medications(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what the patient takes."""
    patient = patient_in_scope(request, pk)
    return _chart(request, patient, "medications", {"medications": _lines(patient.current_medications)})


# Consent --------------------------------------------------------------------------------------------------------------
@require_GET
@requires(Permission.RECORD_CONSENT)
def consent_list(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what the patient agreed to, and take new answers."""
    return _consents(request, patient_in_scope(request, pk), next_page=_own_page(request, request.GET.get("next", "")))


@require_POST
@requires(Permission.RECORD_CONSENT)
def consent_create(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Store an answer and go back to where it was asked."""
    patient = patient_in_scope(request, pk)
    form = ConsentForm(request.POST)
    next_page = _own_page(request, request.POST.get("next", ""))
    if not form.is_valid():
        return _consents(request, patient, next_page=next_page, form=form)
    kind, method = form.cleaned_data["kind"], form.cleaned_data["method"]
    if form.cleaned_data["answer"] == "agreed":
        consents.record_consent(patient, kind, method=method, by=request.user, at=timezone.now())
        messages.success(request, f"Consent recorded: {CURRENT[kind].title}.")
    else:
        consents.decline_consent(patient, kind, method=method, by=request.user, at=timezone.now())
        messages.success(request, f"Answer recorded: the patient declined “{CURRENT[kind].title}”.")
    return redirect(next_page or reverse("patients:consents", args=[pk]))


@require_POST
@requires(Permission.RECORD_CONSENT)
def consent_withdraw(request: ClinicRequest, pk: UUID, consent_pk: UUID) -> HttpResponse:
    """End a consent; a running recording stops at once."""
    patient = patient_in_scope(request, pk)
    consent = get_object_or_404(patient.consents, pk=consent_pk)
    workflows.withdraw_consent(consent, by=request.user, at=timezone.now())
    messages.success(request, f"Consent withdrawn: {CURRENT[consent.kind].title}.")
    return redirect("patients:consents", pk=pk)


@require_POST
@requires(Permission.EDIT_CLINICAL)
def audio_retention(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Set how long the patient's recordings are kept, and say what goes by it."""
    patient = patient_in_scope(request, pk)
    form = AudioRetentionForm(request.POST)
    if not form.is_valid():
        return _consents(request, patient, next_page="", retention_form=form)
    due = workflows.set_audio_retention(patient, **form.cleaned_data, by=request.user, at=timezone.now())
    effect = (
        f" {due} recording{'' if due == 1 else 's'} of this patient will be deleted within the hour." if due else ""
    )
    messages.success(request, f"The rule for this patient’s recordings is saved.{effect}")
    return redirect("patients:consents", pk=pk)


def _consents(
    request: ClinicRequest,
    patient: Patient,
    *,
    next_page: str,
    form: ConsentForm | None = None,
    retention_form: AudioRetentionForm | None = None,
) -> HttpResponse:
    states = queries.consent_states(patient, at=timezone.now())
    asked = form.data.get("kind", "") if form else ""
    rows = [
        {
            "state": state,
            "text": CURRENT[state.kind],
            "form": form if form and state.kind == asked else ConsentForm(auto_id=f"id_{state.kind}_%s"),
            "is_open": state.kind == asked,
        }
        for state in states
    ]
    context = {
        "rows": rows,
        "answers": patient.consents.select_related("recorded_by", "withdrawn_by").order_by("-created_at"),
        "next": next_page,
        "may_record": permissions.can_record_consent(request.user, patient),
        "clinic": ClinicSettings.load(),
        "keeps_audio": any(state.kind == Consent.Kind.KEEP_AUDIO and state.is_live for state in states),
    }
    if permissions.can_edit_clinical(request.user, patient):
        stored = {"rule": patient.audio_retention, "days": patient.audio_retention_days}
        context["retention_form"] = retention_form or AudioRetentionForm(initial=stored)
    return _chart(request, patient, "consents", context, status=422 if form or retention_form else 200, states=states)


# Sharing --------------------------------------------------------------------------------------------------------------
@require_GET
@requires(Permission.SHARE_PATIENTS)
def sharing(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show who may open the chart and why."""
    patient = patient_in_scope(request, pk)
    return _sharing(request, patient, ShareForm(patient=patient))


@require_POST
@requires(Permission.SHARE_PATIENTS)
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
    context = {"openers": queries.openers_of(patient), "form": form, "may_share": patient.archived_at is None}
    return _chart(request, patient, "sharing", context, status=422 if form.is_bound else 200)


# The frame of every tab -----------------------------------------------------------------------------------------------
def _chart(
    request: ClinicRequest,
    patient: Patient,
    tab: str,
    context: dict[str, Any],
    *,
    status: int = 200,
    states: list[queries.ConsentState] | None = None,
) -> HttpResponse:
    """Record the opening and render one tab under the chart's head."""
    user = request.user
    now = timezone.now()
    sees_clinical = user.may(Permission.VIEW_CLINICAL)
    clinic = ClinicSettings.load()
    record_read(request, target=patient, patient_id=patient.pk, detail={"page": tab, "clinical_fields": sees_clinical})
    states = queries.consent_states(patient, at=now) if states is None else states
    openers = queries.openers_of(patient)
    address = reverse("patients:edit", args=[patient.pk])
    frame = {
        "patient": patient,
        "age": patient.age_on(clinic.date_of(now)),
        "gender_word": label_of("gender", patient.gender),
        "region": clinic.region,
        "tabs": _tabs(request, patient, states, openers),
        "tab": tab,
        "chips": [(CHIPS[Consent.Kind(state.kind)], state) for state in states if state.kind in CHIPS],
        "registered_with": next((opener for opener in openers if opener.is_registered), None),
        "sees_clinical": sees_clinical,
        "edit_address": address if permissions.can_edit(user, patient) else "",
        "clinical_edit_address": f"{address}#health" if permissions.can_edit_clinical(user, patient) else "",
        "may_archive": permissions.can_archive(user, patient),
        "start_address": _action_address("sessions:start", patient) if user.may(Permission.CONDUCT_SESSIONS) else "",
        "book_address": _action_address("scheduling:book", patient) if user.may(Permission.VIEW_CALENDAR) else "",
    }
    return render_page(request, f"patients/{tab}.html", {**frame, **context}, status=status)


def _tabs(
    request: ClinicRequest, patient: Patient, states: list[queries.ConsentState], openers: list[queries.Opener]
) -> list[Tab]:
    user = request.user
    tabs = [Tab("patients:detail", "Timeline"), Tab("patients:profile", "Profile")]
    if user.may(Permission.VIEW_CLINICAL):
        tabs.append(Tab("patients:history", "History"))
        tabs.append(Tab("patients:medications", "Medications", len(_lines(patient.current_medications))))
    if user.may(Permission.RECORD_CONSENT):
        tabs.append(Tab("patients:consents", "Consents", sum(state.is_live for state in states)))
    if user.may(Permission.SHARE_PATIENTS):
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


def _own_page(request: ClinicRequest, address: str) -> str:
    """Return the address when it is a page of this site, else nothing."""
    is_own = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if is_own else ""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]

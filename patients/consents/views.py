"""The consents of one patient: what was answered, new answers, and their end. `tablet_views` hands over."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from patients import permissions, queries
from patients.chart_views import render_chart
from patients.consents import copies as consent_copies
from patients.consents import services as consents
from patients.consents import signatures
from patients.consents import wording as consent_wording
from patients.consents.effects import EFFECTS
from patients.consents.given import is_minor
from patients.contact import reaching
from patients.contact.languages import CODES, NATIVE_NAMES
from patients.forms import AudioRetentionForm, ConsentForm
from patients.models import Consent, ConsentSitting, Patient
from patients.views import patient_in_scope
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.web.http import ClinicRequest, next_of


@require_GET
@requires(Permission.RECORD_CONSENT)
def consent_list(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what the patient agreed to, and take new answers."""
    return _consents(request, patient_in_scope(request, pk), next_page=next_of(request))


@require_POST
@requires(Permission.RECORD_CONSENT)
def consent_create(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Store an answer and go back to where it was asked."""
    patient = patient_in_scope(request, pk)
    form = ConsentForm(request.POST)
    next_page = next_of(request)
    if not form.is_valid():
        return _consents(request, patient, next_page=next_page, form=form)
    kind, method = form.cleaned_data["kind"], form.cleaned_data["method"]
    store = consents.record_consent if form.cleaned_data["answer"] == "agreed" else consents.decline_consent
    answer = store(patient, kind, method=method, by=request.user, at=timezone.now(), given=form.given())
    if answer.is_agreement:
        messages.success(request, f"Consent recorded: {_title_of(answer)}.")
    else:
        messages.success(request, f"Answer recorded: the patient declined “{_title_of(answer)}”.")
    return redirect(next_page or reverse("patients:consents", args=[pk]))


@require_POST
@requires(Permission.RECORD_CONSENT)
def consent_ask(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Send the patient a link to each question that is named."""
    patient = patient_in_scope(request, pk)
    kinds = request.POST.getlist("kind") or [""]
    asked = [consents.ask_by_link(patient, kind, by=request.user, at=timezone.now()) for kind in kinds]
    titles = ", ".join(_title_of(one) for one in asked)
    messages.success(request, f"{'The link is' if len(asked) == 1 else 'The links are'} on the way: {titles}.")
    return redirect(next_of(request) or reverse("patients:consents", args=[pk]))


@require_POST
@requires(Permission.RECORD_CONSENT)
def consent_withdraw(request: ClinicRequest, pk: UUID, consent_pk: UUID) -> HttpResponse:
    """End a consent and what rested on it, or take back what waits for an answer by link."""
    patient = patient_in_scope(request, pk)
    consent = _consent_of(patient, consent_pk)
    what = "Request taken back" if consent.is_pending else "Consent withdrawn"
    workflows.withdraw_consent(consent, by=request.user, at=timezone.now())
    messages.success(request, f"{what}: {_title_of(consent)}.")
    return redirect("patients:consents", pk=pk)


@require_GET
@requires(Permission.RECORD_CONSENT)
def consent_copy(request: ClinicRequest, pk: UUID, consent_pk: UUID | None = None) -> HttpResponse:
    """Give one answer, or all of the patient's, as PDF."""
    patient = patient_in_scope(request, pk)
    one = _consent_of(patient, consent_pk) if consent_pk else None
    copy = consent_copies.export_copy(patient, one, by=request.user, at=timezone.now())
    response = HttpResponse(copy.content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{copy.file_name}"'
    response["Cache-Control"] = "no-store"
    return response


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


def _consent_of(patient: Patient, pk: UUID) -> Consent:
    return get_object_or_404(Consent.objects.filter(patient__in=patient.records()), pk=pk)


def _title_of(consent: Consent) -> str:
    words = consent_wording.words_of(consent)
    return words.title if words else str(Consent.Kind(consent.kind).label)


def _consents(
    request: ClinicRequest,
    patient: Patient,
    *,
    next_page: str,
    form: ConsentForm | None = None,
    retention_form: AudioRetentionForm | None = None,
) -> HttpResponse:
    now = timezone.now()
    states = queries.consent_states(patient, at=now)
    asked_language = (form.data.get("language", "") if form else "") or request.GET.get("language", "")
    language = asked_language if asked_language in CODES else consent_wording.reading_language(patient)
    for_minor = is_minor(patient, at=now)
    answers = list(
        Consent.objects.filter(patient__in=patient.records())
        .select_related("recorded_by", "withdrawn_by", "heard_by", "signature")
        .order_by("-created_at")
    )
    clinic = ClinicSettings.load()
    old = {answer.pk for answer in answers if answer.is_live} and set(
        Consent.objects.filter(consent_wording.outdated(now), patient__in=patient.records()).values_list(
            "pk", flat=True
        )
    )
    context = {
        "rows": _rows(request, states, form, language=language, old=old, at=now),
        **_link_offer(patient, clinic),
        "answers": answers,
        "signed": [(answer, signatures.svg_path(answer.signature.strokes)) for answer in answers if answer.is_signed],
        "next": next_page,
        "may_record": permissions.can_record_consent(request.user, patient),
        "clinic": clinic,
        "language": language,
        "languages": NATIVE_NAMES.items(),
        "for_minor": for_minor,
        "sitting": ConsentSitting.objects.filter(
            patient__in=patient.records(), status=ConsentSitting.Status.OPEN, expires_at__gt=now
        ).first(),
        "keeps_audio": any(state.kind == Consent.Kind.KEEP_AUDIO and state.is_live for state in states),
    }
    if permissions.can_edit_clinical(request.user, patient):
        stored = {"rule": patient.audio_retention, "days": patient.audio_retention_days}
        context["retention_form"] = retention_form or AudioRetentionForm(initial=stored)
    return render_chart(
        request, patient, "consents", context, status=422 if form or retention_form else 200, states=states
    )


def _rows(
    request: ClinicRequest,
    states: list[queries.ConsentState],
    form: ConsentForm | None,
    *,
    language: str,
    old: set[UUID],
    at: datetime,
) -> list[dict[str, Any]]:
    texts = consent_wording.texts_for(language, at=at)
    asked = form.data.get("kind", "") if form else request.GET.get("ask", "")
    people = [(str(person.pk), person.display_name) for person in queries.hearers()]
    rows = []
    for state in states:
        empty = ConsentForm(auto_id=f"id_{state.kind}_%s", initial={"heard_by": request.user.pk, "language": language})
        shown = form if form and state.kind == asked else empty
        shown.fields["heard_by"].widget.choices = people
        is_old = state.consent is not None and state.consent.pk in old
        rows.append(
            {
                "state": state,
                "text": texts[state.kind],
                "form": shown,
                "is_open": state.kind == asked,
                "is_old": is_old,
                "is_due": is_old or not (state.is_live or state.is_refused),
                "effect": EFFECTS[Consent.Kind(state.kind)],
            }
        )
    return rows


def _link_offer(patient: Patient, clinic: ClinicSettings) -> dict[str, str]:
    """Say how a link would reach the patient, or why none can."""
    try:
        return {"link_channel": reaching.link_channel_of(patient, clinic)}
    except reaching.CannotSend as refusal:
        return {"no_link": refusal.message}

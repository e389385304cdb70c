"""Two records of one person: find the other one, choose what stays, merge, and take it back."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from patients.choices import LABELS, label_of
from patients.contact.phones import display_phone
from patients.finding.search import search_patients
from patients.forms import MergeForm
from patients.merging import services as merging
from patients.merging.duplicates import find_likely_duplicates
from patients.models import Patient, PatientMerge
from patients.permissions import check_can_merge
from patients.services import PHONE_FIELDS
from patients.views import patient_in_scope
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.errors import DomainError
from synapse.web.http import ClinicRequest, render_page

MOST_FOUND = 8


@dataclass(frozen=True)
class Answer:
    """One way to settle a field: the choice it sends, whose value it is, and the value as people read it."""

    value: str
    number: str
    text: str
    is_chosen: bool


@dataclass(frozen=True)
class Difference:
    """A field in which two records differ, with its answers."""

    name: str
    label: str
    answers: list[Answer]


@require_http_methods(["GET", "POST"])
@requires(Permission.SHARE_PATIENTS)
def merge(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Choose the other record (`?with=`), compare both side by side, and merge it into this one."""
    kept = patient_in_scope(request, pk)
    other = _other(request, request.POST.get("with") or request.GET.get("with", ""))
    if other is None:
        return _choose(request, kept)
    form = MergeForm(request.POST or None, differences=merging.compare_records(kept, other))
    if form.is_valid():
        workflows.merge_patients(
            kept, other, choices=form.choices(), reason=form.cleaned_data["reason"], by=request.user, at=timezone.now()
        )
        messages.success(request, f"{other.patient_id} shows in this record now. You can undo that for 30 days.")
        return redirect("patients:detail", pk=pk)
    record_read(request, subjects=[kept.pk, other.pk], detail={"page": "merge"})
    context = {
        "kept": kept,
        "other": other,
        "obstacle": _obstacle(request, kept, other),
        "differences": _differences(form, kept, other, ClinicSettings.load().region),
        "holdings": _holdings(kept, other),
    }
    return render_page(request, "patients/merge.html", context, form=form)


@require_POST
@requires(Permission.SHARE_PATIENTS)
def find(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Offer records that could be of the same person; what was typed stays out of addresses and logs."""
    kept = patient_in_scope(request, pk)
    text = request.POST.get("query", "").strip()
    clinic = ClinicSettings.load()
    today = clinic.date_of(timezone.now())
    hits = search_patients(text, by=request.user, region=clinic.region, today=today, limit=MOST_FOUND) if text else []
    found = [hit.patient for hit in hits if hit.patient.pk != kept.pk]
    record_read(request, action=Action.SEARCH, subjects=[patient.pk for patient in found])
    return render_page(request, "patients/_merge_found.html", {"kept": kept, "patients": found, "has_text": bool(text)})


@require_POST
@requires(Permission.SHARE_PATIENTS)
def undo(request: ClinicRequest, pk: UUID, merge_pk: UUID) -> HttpResponse:
    """Part the records again."""
    kept = patient_in_scope(request, pk)
    done = get_object_or_404(PatientMerge.objects.select_related("kept", "merged"), pk=merge_pk, kept=kept)
    workflows.undo_merge(done, by=request.user, at=timezone.now())
    messages.success(request, f"{done.merged.patient_id} is a record of its own again.")
    return redirect("patients:profile", pk=pk)


def _choose(request: ClinicRequest, kept: Patient) -> HttpResponse:
    fields = {name: getattr(kept, name) for name in ("first_name", "last_name", "date_of_birth", *PHONE_FIELDS)}
    likely = [found for found in find_likely_duplicates(fields, by=request.user) if found.patient.pk != kept.pk]
    record_read(request, subjects=[kept.pk, *(found.patient.pk for found in likely)], detail={"page": "merge"})
    return render_page(request, "patients/merge_choose.html", {"kept": kept, "likely": likely})


def _other(request: ClinicRequest, wanted: str) -> Patient | None:
    try:
        key = UUID(wanted)
    except ValueError:
        return None
    return get_object_or_404(Patient.objects.visible_to(request.user), pk=key)


def _obstacle(request: ClinicRequest, kept: Patient, other: Patient) -> str:
    """Return the sentence that says why the two cannot be merged now; empty when they can."""
    try:
        check_can_merge(request.user, kept, other)
        workflows.check_nothing_runs(kept, other)
    except DomainError as refusal:
        return refusal.message
    return ""


def _differences(form: MergeForm, kept: Patient, other: Patient, region: str) -> list[Difference]:
    differences = []
    for choice in form.differences:
        chosen = form[choice.name].value() or choice.default
        answers = [
            Answer(merging.KEPT, kept.patient_id, _text(choice.name, choice.kept, region), chosen == merging.KEPT),
            Answer(merging.OTHER, other.patient_id, _text(choice.name, choice.other, region), chosen == merging.OTHER),
        ]
        if choice.can_join:
            answers.append(Answer(merging.BOTH, "", "Both, each entry once", chosen == merging.BOTH))
        differences.append(Difference(choice.name, str(form[choice.name].label), answers))
    return differences


def _text(name: str, value: Any, region: str) -> str:
    """Return a stored value as people read it."""
    if not value:
        return "Not recorded"
    if name == "tags":
        return ", ".join(value)
    if name in PHONE_FIELDS:
        return display_phone(value, region)
    if name in LABELS:
        return label_of(name, value)
    return f"{value:%-d %b %Y}" if hasattr(value, "strftime") else str(value)


def _holdings(kept: Patient, other: Patient) -> list[tuple[str, int, int]]:
    """Return what each record holds: the noun, and how many of it either has."""
    mine, theirs = workflows.count_holdings(kept), workflows.count_holdings(other)
    return [(noun, mine[noun], theirs[noun]) for noun in mine]

"""The list of patients, the search, and the forms that register and change a record. A chart is in `chart_views`."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients import permissions, queries, services, stale
from patients.finding import listing
from patients.finding.search import SHORTEST_QUERY, Hit, search_patients
from patients.forms import PatientForm, RegisterForm
from patients.merging.duplicates import Likeness, find_likely_duplicates
from patients.models import Patient
from patients.registration import register_with_answer
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.encryption.blind_index import Level
from synapse.web.http import ClinicRequest, render_page

PAGE_SIZE = 25


@require_GET
@requires(Permission.VIEW_PATIENTS)
def patient_list(request: ClinicRequest) -> HttpResponse:
    """List the patients this person may see, the last seen first."""
    now = timezone.now()
    show = request.GET.get("show", listing.ALL)
    doctor_id = _uuid_or_none(request.GET.get("doctor", ""))
    tag_key = request.GET.get("tag", "")
    patients = listing.list_patients(request.user, show=show, doctor_id=doctor_id, tag_key=tag_key, at=now)
    page = Paginator(patients, PAGE_SIZE).get_page(request.GET.get("page"))
    record_read(request, subjects=[patient.pk for patient in page])
    consents = queries.recording_states(list(page), at=now)
    sees_all = request.user.may(Permission.VIEW_ALL_PATIENTS)
    context = {
        "page": page,
        "rows": [(patient, consents[patient.pk]) for patient in page],
        "filters": listing.filters_for(request.user),
        "show": show,
        "tag_key": tag_key,
        "doctors": queries.doctors() if sees_all else [],
        "doctor_id": doctor_id,
        "is_filtered": show != listing.ALL or doctor_id is not None or bool(tag_key),
        "may_register": request.user.may(Permission.EDIT_PATIENTS),
        "may_open_in_emergency": request.user.may(Permission.OPEN_IN_EMERGENCY),
        "may_hand_over": request.user.may(Permission.CONDUCT_SESSIONS),
        "may_view_clinical": request.user.may(Permission.VIEW_CLINICAL),
        "region": ClinicSettings.load().region,
    }
    return render_page(request, "patients/list.html", context)


@require_GET
@requires(Permission.VIEW_CLINICAL)
def tags(request: ClinicRequest) -> HttpResponse:
    """Offer the tags of this person's patients, asked for when the menu opens: they are decrypted one by one."""
    found = listing.tags_in_use(request.user)
    record_read(request, target=("patients.Tags", "all"))
    return render_page(request, "patients/_tags.html", {"tags": found, "show": request.GET.get("show", listing.ALL)})


@require_POST
@requires(Permission.VIEW_PATIENTS)
def search(request: ClinicRequest) -> HttpResponse:
    """Find patients by what is typed. It comes in the body, so that it is in no address and no log."""
    text = request.POST.get("query", "").strip()
    clinic = ClinicSettings.load()
    now = timezone.now()
    hits: list[Hit] = []
    if len(text) >= SHORTEST_QUERY:
        hits = search_patients(text, by=request.user, region=clinic.region, today=clinic.date_of(now))
        record_read(
            request, action=Action.SEARCH, subjects=[hit.patient.pk for hit in hits], detail={"hits": len(hits)}
        )
    context = {
        "query": text,
        "is_too_short": len(text) < SHORTEST_QUERY,
        "count": len(hits),
        "groups": _grouped(hits),
        "region": clinic.region,
        "may_register": request.user.may(Permission.EDIT_PATIENTS),
    }
    return render_page(request, "patients/search.html", context, fragment="patients/_results.html")


@require_http_methods(["GET", "POST"])
@requires(Permission.EDIT_PATIENTS)
def new(request: ClinicRequest) -> HttpResponse:
    """Register a patient; somebody who may be on file already is shown first."""
    clinic = ClinicSettings.load()
    form = RegisterForm(request.POST or None, user=request.user, region=clinic.region)
    likely: list[Likeness] = []
    if form.is_valid():
        fields = form.record_fields()
        if "register_anyway" not in request.POST:
            likely = find_likely_duplicates(fields, by=request.user)
        if not likely:
            patient = register_with_answer(
                fields,
                doctor=form.cleaned_data.get("doctor"),
                recording=form.cleaned_data.get("recording", ""),
                by=request.user,
                at=timezone.now(),
            )
            messages.success(request, f"{patient.patient_id} is registered.")
            return redirect("patients:detail", pk=patient.pk)
        record_read(request, subjects=[found.patient.pk for found in likely], detail={"verb": "warn_of_duplicates"})
    return render_page(request, "patients/new.html", {"likely": likely}, form=form, status=409 if likely else None)


@require_http_methods(["GET", "POST"])
@requires(Permission.EDIT_PATIENTS)
def edit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Change a record; what somebody else saved meanwhile is shown beside what was typed."""
    patient = patient_in_scope(request, pk)
    permissions.check_can_edit(request.user, patient)
    clinic = ClinicSettings.load()
    stored = _stored_values(patient, request.user)
    form = PatientForm(request.POST or None, user=request.user, region=clinic.region, initial=stored)
    base = request.POST.get("base", "") or stale.fingerprint(stored)
    differences: list[dict[str, Any]] = []
    if form.is_valid():
        theirs = stale.changed_since(base, stored)
        differences = _differences(form, stored, theirs)
        if not differences:
            # A change between this view's reading and the lock is refused by the service.
            now = timezone.now()
            services.update_patient(patient, form.record_fields(), by=request.user, at=now, expected=patient.updated_at)
            messages.success(request, "The record is changed.")
            return redirect("patients:profile", pk=pk)
        # Seen, the other version is what the next save starts from.
        base = stale.fingerprint(stored)
    record_read(request, target=patient, patient_id=patient.pk, detail={"page": "edit"})
    context = {"patient": patient, "differences": differences, "base": base}
    return render_page(request, "patients/edit.html", context, form=form, status=409 if differences else None)


@require_POST
@requires(Permission.SHARE_PATIENTS)
def archive(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Hide a record from the lists."""
    patient = services.archive_patient(patient_in_scope(request, pk), by=request.user, at=timezone.now())
    messages.success(request, f"{patient.patient_id} is archived. You find it under Archived in the list.")
    return redirect("patients:list")


@require_POST
@requires(Permission.SHARE_PATIENTS)
def restore(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Bring a record back into the lists."""
    patient = services.restore_patient(patient_in_scope(request, pk), by=request.user, at=timezone.now())
    messages.success(request, f"{patient.patient_id} is back in the list.")
    return redirect("patients:detail", pk=pk)


def patient_in_scope(request: HttpRequest, pk: UUID) -> Patient:
    """Return a patient the person may open; raise Http404 for any other."""
    assert isinstance(request.user, User)  # `requires` let nobody else in
    return get_object_or_404(Patient.objects.visible_to(request.user), pk=pk)


def _grouped(hits: list[Hit]) -> list[tuple[str, list[Patient]]]:
    """Return the hits under their headings; a heading without hits is left out."""
    headings = {Level.EXACT: "Exact", Level.PREFIX: "Begins like this", Level.TYPO: "Spelt alike"}
    grouped = [(words, [hit.patient for hit in hits if hit.level == level]) for level, words in headings.items()]
    return [(words, patients) for words, patients in grouped if patients]


def _stored_values(patient: Patient, user: User) -> dict[str, Any]:
    return {name: getattr(patient, name) for name in permissions.writable_fields(user)}


def _differences(form: PatientForm, stored: dict[str, Any], theirs: set[str]) -> list[dict[str, Any]]:
    """Return the fields somebody else changed to another value than the one typed, both as the form shows them."""
    return [
        {
            "label": form[name].label,
            "stored": form.fields[name].prepare_value(stored[name]),
            "typed": form.fields[name].prepare_value(value),
        }
        for name, value in form.record_fields().items()
        if name in theirs and stored[name] != value
    ]


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

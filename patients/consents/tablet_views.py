"""Hand the tablet over, and the page the patient sees: outside the shell, one patient's questions, nothing else."""

import json
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from patients.consents import signatures
from patients.consents import tablet as consent_tablet
from patients.consents.tablet import LONGEST_DRAFT, Sitting
from patients.consents.tablet_phrases import TABLET
from patients.contact.languages import NATIVE_NAMES, language_of
from patients.models import Consent, ConsentSitting
from patients.views import patient_in_scope
from synapse import workflows
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.common.errors import DomainError
from synapse.web.http import ClinicRequest, render_page


@require_POST
@requires(Permission.RECORD_CONSENT)
def hand_over(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Lock this browser for everything but one patient's questions."""
    patient = patient_in_scope(request, pk).kept_record
    kinds = request.POST.getlist("kinds")
    now = timezone.now()
    _, token = consent_tablet.hand_over(patient, kinds, session=request.session, by=request.user, at=now)
    return HttpResponseRedirect(reverse("consent:tablet", args=[token]), status=303)


@login_not_required
@sensitive_post_parameters()
@sensitive_variables("token")
@require_http_methods(["GET", "POST"])
def tablet(request: HttpRequest, token: str) -> HttpResponse:
    """Show the questions, keep what is done so far, and take the answers."""
    now = timezone.now()
    try:
        row = consent_tablet.find_sitting(token, session=request.session, at=now)
        if request.method == "GET":
            return _show(request, row)
        sent = _sent(request.POST)
        if "send" not in request.POST:
            consent_tablet.keep_draft(row, sent, at=now)
            return _closed(HttpResponseRedirect(request.path, status=303))
        try:
            workflows.answer_tablet(row, sent, at=now)
        except consent_tablet.Unfinished as refusal:
            consent_tablet.keep_draft(row, sent, at=now)
            return _show(request, row, missing=refusal.missing)
    except DomainError:  # a patient learns nothing of what became of the record
        return _gone(request)
    return _closed(HttpResponseRedirect(request.path, status=303))


@login_not_required
@sensitive_post_parameters()
@sensitive_variables("token")
@require_POST
def keep(request: HttpRequest, token: str) -> HttpResponse:
    """Keep what the page sends by itself after each stroke and tick."""
    now = timezone.now()
    try:
        row = consent_tablet.find_sitting(token, session=request.session, at=now)
        consent_tablet.keep_draft(row, _sent(request.POST), at=now)
    except consent_tablet.TabletGone:
        return _closed(HttpResponse(status=404))
    return _closed(HttpResponse(status=204))


def _sent(data: QueryDict) -> dict[str, Any]:
    sent: dict[str, Any] = data.dict()
    try:
        sent["strokes"] = (
            json.loads(data.get("strokes") or "[]") if len(data.get("strokes", "")) <= LONGEST_DRAFT else []
        )
    except (ValueError, RecursionError):  # figures of thousands of digits are no JSON error, nor is endless nesting
        sent["strokes"] = []
    return sent


def _show(request: HttpRequest, row: ConsentSitting, *, missing: list[str] | None = None) -> HttpResponse:
    now = timezone.now()
    clinic = ClinicSettings.load()
    words = TABLET[row.language]
    frame = {"words": words, "lang": row.language, "clinic": clinic.name, "patient_id": row.patient_id}
    if row.status == ConsentSitting.Status.ANSWERED:
        return _closed(render_page(request, "patients/tablet_done.html", frame))
    sitting = consent_tablet.read_sitting(row, at=now)
    context = {
        **frame,
        "first_name": row.patient.first_name,
        "languages": NATIVE_NAMES.items(),
        "questions": _questions(sitting, missing or []),
        "relations": [("", words["self"]), *((value, words[value]) for value in Consent.Relation.values)],
        "draft": row.draft,
        "strokes": json.dumps(row.draft.get("strokes", [])),
        "drawn": signatures.svg_path(row.draft.get("strokes", [])),
        "missing": _missing(sitting, missing or []),
        "for_minor": sitting.for_minor,
        "keep_url": reverse("consent:tablet_keep", args=[request.resolver_match.kwargs["token"]]),  # type: ignore[union-attr]
    }
    return _closed(render_page(request, "patients/tablet.html", context, status=422 if missing else 200))


def _questions(sitting: Sitting, missing: list[str]) -> list[dict[str, Any]]:
    answers = sitting.draft.get("answers", {})
    return [
        {"text": text, "answer": answers.get(text.kind, ""), "is_missing": text.kind in missing}
        for text in sitting.texts
    ]


def _missing(sitting: Sitting, missing: list[str]) -> list[tuple[str, str]]:
    """Return where to go and what is missing there, in the patient's words."""
    words = TABLET[sitting.language]
    titles = {text.kind: text.title for text in sitting.texts}
    return [(name, titles.get(name) or words[f"missing_{name}"]) for name in missing]


def _gone(request: HttpRequest) -> HttpResponse:
    clinic = ClinicSettings.load()
    code = language_of("", clinic.language)
    frame = {"words": TABLET[code], "lang": code, "clinic": clinic.name, "is_gone": True}
    return _closed(render_page(request, "patients/tablet_done.html", frame, status=404))


def _closed(response: HttpResponse) -> HttpResponse:
    """Keep an answer out of caches; the address holds a token that must not be told to anybody."""
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response

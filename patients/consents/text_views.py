"""The administrator's pages for what patients are asked: every text, its versions, and the next one."""

from datetime import date, datetime, time
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from patients.consents import diff as consent_diff
from patients.consents import wording as consent_wording
from patients.contact.languages import CODES, NATIVE_NAMES
from patients.forms import ConsentTextForm
from patients.models import Consent, ConsentTextVersion
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.MANAGE_CLINIC)
def text_list(request: ClinicRequest) -> HttpResponse:
    """Show which version of each text is in use in each language."""
    now = timezone.now()
    needed: dict[str, int] = {}
    newest: dict[tuple[str, str], ConsentTextVersion] = {}
    for row in ConsentTextVersion.objects.in_use(now).order_by("version"):
        newest[row.kind, row.language] = row
        if row.asks_again:
            needed[row.kind] = row.version
    old = Consent.objects.filter(consent_wording.outdated(now)).values_list("kind").annotate(Count("pk"))
    counts = dict(old)
    kinds = [
        {
            "kind": kind,
            "label": label,
            "old": counts.get(kind, 0),
            "languages": [
                {
                    "code": code,
                    "name": NATIVE_NAMES[code],
                    "row": newest.get((kind, code)),
                    "is_behind": (kind, code) in newest and newest[kind, code].version < needed.get(kind, 0),
                }
                for code in CODES
            ],
        }
        for kind, label in Consent.Kind.choices
    ]
    return render_page(request, "patients/consent_texts.html", {"kinds": kinds})


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def text_edit(request: ClinicRequest, kind: str, language: str) -> HttpResponse:
    """Write a text's next version: look at it as patients will see it, then save it."""
    if kind not in Consent.Kind.values or language not in CODES:
        raise Http404
    now, clinic = timezone.now(), ClinicSettings.load()
    rows = ConsentTextVersion.objects.filter(kind=kind, language=language)
    versions = list(rows.select_related("made_by").order_by("-version"))
    form, preview = _text_form(request, versions, today=clinic.date_of(now)), None
    if form.is_valid():
        if "save" not in request.POST:
            preview = _preview(form.cleaned_data, versions, clinic)
        elif (row := _saved(form, kind, language, clinic=clinic, by=request.user, at=now)) is not None:
            messages.success(request, f"Version {row.version} is saved.")
            return redirect("consent_texts:edit", kind=kind, language=language)
    context = {
        "kind": kind,
        "label": Consent.Kind(kind).label,
        "language": language,
        "languages": NATIVE_NAMES.items(),
        "language_name": NATIVE_NAMES[language],
        "placeholders": consent_wording.PLACEHOLDERS.items(),
        "preview": preview,
        "history": _history(versions),
        "now": now,
    }
    return render_page(request, "patients/consent_text.html", context, form=form)


def _text_form(request: ClinicRequest, versions: list[ConsentTextVersion], *, today: date) -> ConsentTextForm:
    """Return the form for the version after the newest, which it begins with."""
    start: dict[str, Any] = {"effective_on": today, "seen_version": 0}
    if versions:
        last = versions[0]
        start |= {"seen_version": last.version, "title": last.title, "text": last.text}
    return ConsentTextForm(request.POST or None, today=today, initial=start)


def _saved(
    form: ConsentTextForm, kind: str, language: str, *, clinic: ClinicSettings, by: User, at: datetime
) -> ConsentTextVersion | None:
    """Save what the form holds, or put what stands against it at its field."""
    words = dict(form.cleaned_data)
    effective_at = datetime.combine(words.pop("effective_on"), time.min, tzinfo=clinic.zone)
    try:
        return consent_wording.save_text(kind, language, **words, effective_at=effective_at, by=by, at=at)
    except consent_wording.UnusableText as refusal:
        form.add_error(refusal.field, refusal.message)
        return None


def _preview(words: dict[str, Any], versions: list[ConsentTextVersion], clinic: ClinicSettings) -> dict[str, Any]:
    """Return the text as patients will see it, and what it changes in the newest version."""
    return {
        "title": consent_wording.fill(words["title"], clinic),
        "text": consent_wording.fill(words["text"], clinic),
        "changes": consent_diff.compare(versions[0].text if versions else "", words["text"]),
    }


def _history(versions: list[ConsentTextVersion]) -> list[dict[str, Any]]:
    """Return the versions, the newest first, each with what it changed in the one before."""
    before = [*versions[1:], None]
    return [
        {"row": row, "changes": consent_diff.compare(older.text, row.text) if older else None}
        for row, older in zip(versions, before, strict=True)
    ]

"""The page behind the link to a question: no account, no name, the clinic and the words that are asked."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from patients.consents import copies as consent_copies
from patients.consents import links as consent_links
from patients.consents.given import Given, GuardianNeeded, is_minor
from patients.consents.links import Found
from patients.consents.phrases import LANGUAGES
from patients.consents.tablet import LONGEST_NAME
from patients.consents.tablet_phrases import TABLET
from patients.contact import reaching
from patients.contact.languages import language_of
from patients.models import Consent
from synapse import workflows
from synapse.accounts import throttle
from synapse.accounts.models import ClinicSettings
from synapse.audit import context
from synapse.links import continuation
from synapse.links.headers import make_private
from synapse.links.tokens import hash_token
from synapse.web.http import render_page

THROTTLE_PURPOSE = "consent_link"
COPY_PURPOSE = "consent_link_copy"
MOST_COPIES = 10  # each is a document to render
ANSWERS = {"agree": True, "disagree": False}


# The secret in the address is the key, so there is no request to forge, and none could be told from a real one: a
# page that sends no referrer posts with the origin "null". The continuation's cookie is of this site only.
@csrf_exempt
@login_not_required
@sensitive_variables("token")
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Show what is asked and take one answer; only pressing a button does anything (mail scanners open links)."""
    now, clinic = timezone.now(), ClinicSettings.load()
    name, address = hash_token(token), context.current().ip
    try:
        throttle.check_may_try(THROTTLE_PURPOSE, name, address, at=now)
        found = consent_links.find_link(token, answered=continuation.granted(request), at=now)
        wanted = request.POST.get("answer", "")
        if request.method == "POST" and wanted in ANSWERS and not found.is_done:
            try:
                _answer(found, request, agreed=ANSWERS[wanted], at=now)
            except (consent_links.NameMissing, GuardianNeeded):
                return _show(request, found, clinic, is_unsigned=True)
            return _go_on(token, found)
    except consent_links.LinkGone:
        throttle.count_failure(THROTTLE_PURPOSE, name, address, at=now)
        return _say_gone(request, clinic, "gone_text", status=404)
    except throttle.TooManyTries:
        return _say_gone(request, clinic, "wait", status=429)
    return _show(request, found, clinic)


@login_not_required
@sensitive_variables("token")
@require_GET
def copy(request: HttpRequest, token: str) -> HttpResponse:
    """Hand over what was answered in this browser a moment ago, as a PDF to keep."""
    now, clinic = timezone.now(), ClinicSettings.load()
    name, address = hash_token(token), context.current().ip
    try:
        throttle.check_may_try(THROTTLE_PURPOSE, name, address, at=now)
        answered = consent_links.find_answered(token, answered=continuation.granted(request), at=now)
        throttle.take_try(COPY_PURPOSE, name, None, at=now, limit=MOST_COPIES)
    except consent_links.LinkGone:
        throttle.count_failure(THROTTLE_PURPOSE, name, address, at=now)
        return _say_gone(request, clinic, "gone_text", status=404)
    except throttle.TooManyTries:
        return _say_gone(request, clinic, "wait", status=429)
    made = consent_copies.copy_by_link(answered, at=now)
    response = HttpResponse(made.content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{made.file_name}"'
    return make_private(response)


def _go_on(token: str, found: Found) -> HttpResponse:
    """Lead to what has come of it, which this browser may see for ten minutes."""
    path = reverse("consent:answer", args=[token])
    response = HttpResponseRedirect(path, status=303)
    continuation.grant(response, str(found.link.pk), path=path, secure=settings.SESSION_COOKIE_SECURE)
    return make_private(response)


def _answer(found: Found, request: HttpRequest, *, agreed: bool, at: datetime) -> None:
    name, relation = request.POST.get("name", "")[:LONGEST_NAME], request.POST.get("relation", "")
    given = Given(signer_name=name, signer_relation=relation if relation in Consent.Relation.values else "")
    workflows.answer_consent_link(found, agreed=agreed, at=at, typed_name=name, given=given)


def _show(request: HttpRequest, found: Found, clinic: ClinicSettings, *, is_unsigned: bool = False) -> HttpResponse:
    patient = reaching.reader_of(found.consent.patient)
    data = _frame(clinic, patient.preferred_language)
    if not found.is_done:
        sign = TABLET[data["lang"]]
        data |= {
            "text": found.text,
            "sign": sign,
            "for_minor": is_minor(patient, at=timezone.now()),
            "relations": [(value, sign[value]) for value in Consent.Relation.values],
            "missing": f"{sign['missing']} {sign['missing_signer']}" if is_unsigned else "",
            "typed_name": request.POST.get("name", "")[:LONGEST_NAME],
        }
        return make_private(render_page(request, "patients/answer.html", data, status=422 if is_unsigned else 200))
    title = "agreed_title" if found.consent.is_agreement else "declined_title"
    done = {"title": data["words"][title], "text": data["words"]["done_text"], "is_good": True}
    done["copy_url"] = f"{request.path}copy/"
    return make_private(render_page(request, "web/answer_notice.html", {**data, **done}))


def _say_gone(request: HttpRequest, clinic: ClinicSettings, text: str, *, status: int) -> HttpResponse:
    """Answer for a link that opens nothing, without a word about it."""
    data = _frame(clinic, "")
    said = {"title": data["words"]["gone_title"], "text": data["words"][text]}
    return make_private(render_page(request, "web/answer_notice.html", {**data, **said}, status=status))


def _frame(clinic: ClinicSettings, preferred_language: str) -> dict[str, Any]:
    code = language_of(preferred_language, clinic.language)
    return {"words": LANGUAGES[code].page, "lang": code, "clinic": clinic.name, "phone": clinic.phone}

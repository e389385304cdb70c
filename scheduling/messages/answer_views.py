"""The page behind a link in a message: no account, no name, nothing but the clinic and the time of the visit."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from patients.contact.reaching import reader_of
from scheduling.feeds.ics import clinic_name_of
from scheduling.messages.forms import AnswerForm
from scheduling.messages.quiet import quiet_hours_of
from scheduling.models import AppointmentLink
from scheduling.phrases import Words, words_for
from scheduling.services import answers
from scheduling.services.answers import Found, Standing
from synapse.accounts import throttle
from synapse.accounts.models import ClinicSettings
from synapse.audit import context
from synapse.links import continuation
from synapse.links.headers import make_private
from synapse.links.tokens import hash_token
from synapse.web.http import render_page

THROTTLE_PURPOSE = "visit_link"
Answer = AppointmentLink.Answer
TITLES = {
    Answer.CONFIRM: ("confirmed_title", "confirmed_text"),
    Answer.OTHER_TIME: ("other_title", "other_text"),
    Answer.STOP: ("stop_title", "stop_done"),
}


# The secret in the address is the key, so there is no request to forge, and none could be told from a real one: a
# page that sends no referrer posts with the origin "null". The continuation's cookie is of this site only.
@csrf_exempt
@login_not_required
@sensitive_variables("token")
@sensitive_post_parameters("text")
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Show a visit's time and take one answer; only pressing a button does anything (mail scanners open links)."""
    now, clinic = timezone.now(), ClinicSettings.load()
    name, address = hash_token(token), context.current().ip
    try:
        throttle.check_may_try(THROTTLE_PURPOSE, name, address, at=now)
        found = answers.find_link(token, answered=continuation.granted(request), at=now)
    except answers.LinkGone:
        throttle.count_failure(THROTTLE_PURPOSE, name, address, at=now)
        return _say(request, words_for("", clinic.language), clinic, "gone", status=404)
    except throttle.TooManyTries:
        return _say(request, words_for("", clinic.language), clinic, "wait", status=429)
    words = words_for(reader_of(found.visit.patient).preferred_language, clinic.language)
    if found.standing == Standing.OFF and found.goes_on:
        return _say(request, words, clinic, "cancelled", status=200)
    if not found.is_open:
        return _say(request, words, clinic, found.standing.value, status=410)
    wanted = request.POST.get("answer", "")
    form = None
    if request.method == "POST":
        form = AnswerForm(request.POST, words=dict(words.page), needs_text=wanted == Answer.OTHER_TIME)
        if form.is_valid():
            return _take(request, token, found, wanted, form.cleaned_data["text"], words, clinic)
    return make_private(
        render_page(request, "scheduling/answers/visit.html", _page(found, words, clinic, wanted, form), form=form)
    )


def _take(
    request: HttpRequest, token: str, found: Found, wanted: str, text: str, words: Words, clinic: ClinicSettings
) -> HttpResponse:
    """Do what was pressed and show what has come of it; the browser may go on for ten minutes."""
    now = timezone.now()
    try:
        if wanted == Answer.CONFIRM:
            answers.confirm(found, at=now)
        elif wanted == Answer.CANCEL:
            answers.cancel(found, text=text, at=now)
        elif wanted == Answer.OTHER_TIME:
            answers.ask_for_another_time(found, text=text, at=now)
        elif wanted == Answer.STOP:
            answers.stop_messages(found, at=now)
        else:
            return _say(request, words, clinic, "gone", status=404)
    except answers.LinkGone:
        return _say(request, words, clinic, "gone", status=404)
    except answers.TooLateToCancel:
        # The page itself says that it is too late and whom to call.
        page = _page(found, words, clinic, "", None)
        return make_private(render_page(request, "scheduling/answers/visit.html", page, status=409))
    path = reverse("visit:answer", args=[token])
    response = HttpResponseRedirect(path, status=303)
    continuation.grant(response, str(found.link.pk), path=path, secure=settings.SESSION_COOKIE_SECURE)
    return make_private(response)


def _page(found: Found, words: Words, clinic: ClinicSettings, wanted: str, form: AnswerForm | None) -> dict[str, Any]:
    visit, now = found.visit, timezone.now()
    local = visit.scheduled_at.astimezone(quiet_hours_of(clinic).zone)
    is_confirmed = visit.status == visit.Status.CONFIRMED
    title, text = TITLES.get(Answer(found.link.answer), ("", "")) if found.goes_on and found.link.answer else ("", "")
    return {
        "words": words.page,
        "lang": words.code,
        "clinic": clinic_name_of(visit.doctor, clinic),
        "address": clinic.address,
        "phone": clinic.phone,
        "day": words.day(local),
        "year": local.year,
        "clock": words.clock(local),
        "done_title": words.page.get(title, ""),
        "done_text": words.page.get(text, ""),
        "is_confirmed": is_confirmed,
        "may_cancel": answers.may_cancel(visit, clinic, at=now),
        "may_stop": reader_of(visit.patient).messages_stopped_at is None,
        "longest": answers.LONGEST_TEXT,
        "wanted": wanted,
        "error": form.errors.get("text", [""])[0] if form is not None and form.is_bound else "",
        "text": form["text"].value() or "" if form is not None else "",
    }


def _say(request: HttpRequest, words: Words, clinic: ClinicSettings, what: str, *, status: int) -> HttpResponse:
    """Answer for a link that leads to no open visit, without a word about it."""
    data = {
        "words": words.page,
        "lang": words.code,
        "clinic": clinic.name,
        "phone": clinic.phone,
        "title": words.page["gone_title" if what == "wait" else f"{what}_title"],
        "text": words.page["wait" if what == "wait" else f"{what}_text"],
        "is_good": what == "cancelled",
    }
    return make_private(render_page(request, "web/answer_notice.html", data, status=status))

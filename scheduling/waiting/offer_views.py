"""The page behind the link of an offer: the clinic, the time, yes or no. No account and no name."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from patients.contact.reaching import reader_of
from scheduling.feeds.ics import clinic_name_of
from scheduling.models import Appointment, SlotOffer
from scheduling.phrases import Words, words_for
from scheduling.services import offers
from scheduling.waiting.queries import find_offer
from synapse.accounts import throttle
from synapse.accounts.models import ClinicSettings
from synapse.audit import context
from synapse.links.headers import make_private
from synapse.links.tokens import hash_token
from synapse.web.http import render_page

THROTTLE_PURPOSE = "offer_link"
Status = SlotOffer.Status
NOTICES = {Status.ACCEPTED: "taken", Status.DECLINED: "declined"}


# The secret in the address is the key, so there is no request to forge, and none could be told from a real one: a
# page that sends no referrer posts with the origin "null".
@csrf_exempt
@login_not_required
@sensitive_variables("token")
@require_http_methods(["GET", "POST"])
def open_offer(request: HttpRequest, token: str) -> HttpResponse:
    """Show an offered time and take the answer; only pressing a button gives one (mail scanners open links)."""
    now, clinic = timezone.now(), ClinicSettings.load()
    name, address = hash_token(token), context.current().ip
    try:
        throttle.check_may_try(THROTTLE_PURPOSE, name, address, at=now)
    except throttle.TooManyTries:
        return _say(request, words_for("", clinic.language), clinic, "gone", "wait", status=429)
    offer = find_offer(token)
    if offer is None or offer.starts_at <= now:
        throttle.count_failure(THROTTLE_PURPOSE, name, address, at=now)
        return _say(request, words_for("", clinic.language), clinic, "gone", "gone", status=404)
    words = words_for(reader_of(offer.entry.patient).preferred_language, clinic.language)
    is_held = offer.status == Status.HELD and now < offer.held_until
    if request.method == "POST" and is_held:
        try:
            if request.POST.get("answer") == "take":
                offers.accept_offer(token, at=now)
            elif request.POST.get("answer") == "decline":
                offers.decline_offer(token, at=now)
        except offers.OfferGone:
            return _say(request, words, clinic, "expired", "expired", status=410)
        return make_private(HttpResponseRedirect(reverse("offer:open", args=[token]), status=303))
    notice = NOTICES.get(Status(offer.status), "expired")
    # The visit that came of it may be called off or moved by now: its own messages say so.
    if notice == "taken" and (offer.appointment is None or offer.appointment.status not in Appointment.OPEN):
        return _say(request, words, clinic, "gone", "gone", status=410)
    if not is_held and notice == "expired":
        return _say(request, words, clinic, notice, notice, status=410)
    page = _page(offer, words, clinic) | {"notice": "" if is_held else notice}
    if not is_held:
        page |= {"notice_title": words.page[f"{notice}_title"], "notice_text": words.page[f"{notice}_text"]}
    return make_private(render_page(request, "scheduling/answers/offer.html", page))


def _page(offer: SlotOffer, words: Words, clinic: ClinicSettings) -> dict[str, object]:
    start = offer.starts_at.astimezone(clinic.zone)
    current = offer.entry.current_appointment
    moves = current.scheduled_at.astimezone(clinic.zone) if current is not None else None
    return {
        "words": words.page,
        "lang": words.code,
        "clinic": clinic_name_of(offer.doctor, clinic),
        "address": clinic.address,
        "phone": clinic.phone,
        "day": words.day(start),
        "year": start.year,
        "clock": words.clock(start),
        "held": words.page["offer_held"].format(clock=words.clock(offer.held_until.astimezone(clinic.zone))),
        "moves": words.page["offer_moves"].format(day=words.day(moves)) if moves else "",
    }


def _say(
    request: HttpRequest, words: Words, clinic: ClinicSettings, title: str, text: str, *, status: int
) -> HttpResponse:
    """Answer for every link that offers nothing."""
    page = {
        "words": words.page,
        "lang": words.code,
        "clinic": clinic.name,
        "phone": clinic.phone,
        "title": words.page[f"{title}_title"],
        "text": words.page["wait" if text == "wait" else f"{text}_text"],
        "is_good": False,
    }
    return make_private(render_page(request, "web/answer_notice.html", page, status=status))

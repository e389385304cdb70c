"""Calendars outside: addresses to subscribe to, calendars taken in, and the door calendar programs read at."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import parse_etags
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_POST, require_safe

from scheduling.feeds.forms import BusyForm, FeedForm
from scheduling.feeds.ics import CONTENT_TYPE
from scheduling.models import BusyCalendar, CalendarFeed
from scheduling.services import busy_calendars, feeds
from synapse.accounts import throttle
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit import context
from synapse.audit.services import record_read
from synapse.links.tokens import hash_token
from synapse.web.http import ClinicRequest, render_page

GUESS_PURPOSE = "calendar_feed"
READ_PURPOSE = "calendar_feed_read"
MOST_READS = 60  # of one feed from one address in a quarter of an hour
CALENDAR = Permission.CONDUCT_SESSIONS


@login_not_required
@sensitive_variables("token")
@require_safe
def read(request: HttpRequest, token: str) -> HttpResponse:
    """Hand a calendar to a program that knows its address; nothing else is asked."""
    now, name, address = timezone.now(), hash_token(token), context.current().ip
    try:
        throttle.check_may_try(GUESS_PURPOSE, name, address, at=now)
        throttle.check_may_try(READ_PURPOSE, name, address, at=now)
        feed = feeds.find_feed(token)
    except throttle.TooManyTries:
        return _private(HttpResponse(status=429, headers={"Retry-After": "900"}))
    except feeds.FeedGone:
        throttle.count_failure(GUESS_PURPOSE, name, address, at=now)
        return _private(HttpResponse(status=404))
    throttle.count_failure(READ_PURPOSE, name, address, at=now, limit=MOST_READS)
    content, tag = feeds.read_feed(feed, at=now)
    feeds.note_reading(feed, at=now)
    etag = f'"{tag}"'
    asked = [each.removeprefix("W/") for each in parse_etags(request.headers.get("If-None-Match", ""))]
    response: HttpResponse
    if etag in asked or "*" in asked:
        response = HttpResponseNotModified()
    else:
        response = HttpResponse(content, content_type=CONTENT_TYPE)
        response["Content-Disposition"] = 'inline; filename="calendar.ics"'
    response["ETag"] = etag
    return _private(response)


@require_GET
@requires(CALENDAR)
def calendars(request: ClinicRequest) -> HttpResponse:
    """Show one's addresses and the calendars one took in."""
    return _page(request)


@require_POST
@requires(CALENDAR)
def make(request: ClinicRequest) -> HttpResponse:
    """Make an address and show it, this once."""
    form = FeedForm(request.POST)
    if not form.is_valid():
        return _page(request, feed_form=form)
    feed, token = feeds.make_feed(
        label=form.cleaned_data["label"],
        with_names=form.cleaned_data["with_names"],
        by=request.user,
        at=timezone.now(),
    )
    address = f"{settings.BASE_URL}{reverse('scheduling:feed', args=[token])}"
    response = render_page(request, "scheduling/feeds/made.html", {"feed": feed, "address": address})
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@requires(CALENDAR)
def revoke(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """End an address."""
    feed = get_object_or_404(CalendarFeed.objects.filter(doctor=request.user, revoked_at=None), pk=pk)
    feeds.revoke_feed(feed, by=request.user, at=timezone.now())
    messages.success(request, "Ended. The address opens nothing any more.")
    return redirect("calendars:list")


@require_POST
@requires(CALENDAR)
def take_in(request: ClinicRequest, pk: UUID | None = None) -> HttpResponse:
    """Take a calendar file in, or again in place of what it held before."""
    calendar = get_object_or_404(_busy(request), pk=pk) if pk else None
    form = BusyForm(request.POST, request.FILES, is_new=calendar is None)
    if form.is_valid():
        try:
            taken = busy_calendars.take_in(
                request.user,
                form.cleaned_data["file"],
                label=calendar.label if calendar else form.cleaned_data["label"],
                by=request.user,
                at=timezone.now(),
                calendar=calendar,
            )
        except busy_calendars.BadCalendar as error:
            form.add_error("file", str(error))
        else:
            count = taken.entry_count
            messages.success(request, f"{count} busy time{'' if count == 1 else 's'} taken in.")
            return redirect("calendars:list")
    return _page(request, busy_form=form)


@require_POST
@requires(CALENDAR)
def remove(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Forget a calendar that was taken in."""
    busy_calendars.remove(get_object_or_404(_busy(request), pk=pk), by=request.user, at=timezone.now())
    messages.success(request, "Removed. Its times are free again.")
    return redirect("calendars:list")


def _busy(request: ClinicRequest) -> QuerySet[BusyCalendar]:
    return BusyCalendar.objects.filter(doctor=request.user).select_related("doctor")


def _page(
    request: ClinicRequest, *, feed_form: FeedForm | None = None, busy_form: BusyForm | None = None
) -> HttpResponse:
    busy = list(_busy(request).order_by("created_at"))
    clashes = list(busy_calendars.clashing_visits(busy, user=request.user, at=timezone.now())[:20]) if busy else []
    if clashes:
        record_read(request, target=("busy calendars", "clashes"), subjects={each.patient_id for each in clashes})
    sent = feed_form or busy_form
    data = {
        "feeds": CalendarFeed.objects.filter(doctor=request.user, revoked_at=None).order_by("created_at"),
        "calendars": busy,
        "clashes": clashes,
        "feed_form": feed_form or FeedForm(),
        "busy_form": busy_form or BusyForm(),
    }
    return render_page(request, "scheduling/feeds/list.html", data, status=422 if sent is not None else None)


def _private(response: HttpResponse) -> HttpResponse:
    """Keep a calendar out of shared caches and search engines; the program itself may ask whether it changed."""
    response["Cache-Control"] = "private, no-cache"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response

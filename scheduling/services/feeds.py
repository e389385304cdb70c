"""Addresses under which a calendar program reads a clinician's visits."""

from datetime import datetime, timedelta
from hashlib import sha256

from scheduling.feeds.ics import feed_calendar, to_bytes
from scheduling.models import Appointment, CalendarFeed, TimeOff
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, NotAllowed
from synapse.links.tokens import hash_token, new_token

PAST = timedelta(days=30)
AHEAD = timedelta(days=365)
MOST_FEEDS = 10
NOTE_READ_AFTER = timedelta(minutes=10)


class FeedGone(Exception):
    """No address that is in use: revoked, made up, or of somebody who no longer works here."""


def make_feed(*, label: str, with_names: bool, by: User, at: datetime) -> tuple[CalendarFeed, str]:
    """Make an address of one's own calendar; return it with its token, which is shown once. Raises NotAllowed."""
    if not by.may(Permission.CONDUCT_SESSIONS):
        raise NotAllowed("Only clinicians have a calendar to subscribe to.")
    made = new_token()
    with audit.unit_of_work():
        if CalendarFeed.objects.filter(doctor=by, revoked_at=None).count() >= MOST_FEEDS:
            raise Conflict(f"There are {MOST_FEEDS} addresses already. End one that is no longer used.")
        feed = CalendarFeed.objects.create(
            doctor=by, label=label.strip(), token_hash=made.token_hash, with_names=with_names
        )
        audit.record(Action.CREATE, by=by, target=feed, detail={"with_names": with_names})
    return feed, made.token


def revoke_feed(feed: CalendarFeed, *, by: User, at: datetime) -> None:
    """End an address: from now on it is not there."""
    if feed.doctor_id != by.pk:
        raise NotAllowed("This is somebody else’s address.")
    with audit.unit_of_work():
        feed.revoked_at = feed.revoked_at or at
        feed.save(update_fields=["revoked_at", "updated_at"])
        audit.record(Action.UPDATE, by=by, target=feed, detail={"verb": "revoke"})


def find_feed(token: str) -> CalendarFeed:
    """Return the address a token belongs to, looked up anew each time, so that an end counts at once.

    Raises FeedGone.
    """
    feeds = CalendarFeed.objects.select_related("doctor__profile").filter(revoked_at=None, doctor__is_active=True)
    feed = feeds.filter(token_hash=hash_token(token)).first()
    if feed is None or not feed.doctor.may(Permission.CONDUCT_SESSIONS):
        raise FeedGone
    return feed


def read_feed(feed: CalendarFeed, *, at: datetime) -> tuple[bytes, str]:
    """Return the calendar and its ETag: the same bytes and tag as long as nothing in it changes."""
    visits = (
        Appointment.objects.active()
        .filter(doctor=feed.doctor, ends_at__gt=at - PAST, scheduled_at__lt=at + AHEAD)
        .select_related("patient", "doctor__profile")
        .order_by("scheduled_at")
    )
    # What was taken in from the clinician's own other calendar stands there already.
    away = TimeOff.objects.filter(starts_at__lt=at + AHEAD, ends_at__gt=at - PAST).exclude(kind=TimeOff.Kind.IMPORTED)
    own = (away.filter(doctor=feed.doctor) | away.filter(doctor=None)).order_by("starts_at")
    content = to_bytes(feed_calendar(feed.doctor, visits, own, with_names=feed.with_names))
    return content, sha256(content).hexdigest()[:32]


def note_reading(feed: CalendarFeed, *, at: datetime) -> None:
    """Note that a feed was read; the trail gets one row a day, since programs ask every few minutes."""
    last, clinic = feed.last_read_at, ClinicSettings.load()
    if last is not None and at - last < NOTE_READ_AFTER:
        return
    with audit.unit_of_work():
        CalendarFeed.objects.filter(pk=feed.pk).update(last_read_at=at)
        if last is None or clinic.date_of(last) != clinic.date_of(at):
            audit.record(Action.EXPORT, by=None, target=feed, detail={"doctor": str(feed.doctor_id)})

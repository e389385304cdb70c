"""Stretches of a recording's clock without sound: measured from the stored audio, explained by the recorder.

The jumps of the stored chunks' times say where a gap is. Why it is there only the recorder knows: it tells by the
protocol's `gap` frame, and what it told is cut to what is really missing.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from sessions_app import permissions
from sessions_app.models import ConsultationSession, SessionEvent
from sessions_app.spool.timeline import GAP_TOLERANCE_MS
from synapse.accounts.models import User
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict

Kind, Reason = SessionEvent.Kind, SessionEvent.Reason
Stretch = tuple[int, int, str]


def tell_gap(
    session: ConsultationSession, *, start_ms: int, end_ms: int, reason: str, cid: str, by: User, at: datetime
) -> None:
    """Note why a stretch of the clock has no sound, and that a microphone took over at its end when that was why.

    A repeated `cid` does nothing. Raises NotAllowed, and Conflict when the session is over.
    """
    permissions.check_can_conduct(by, session)
    if not session.is_live:
        raise Conflict("This session is over. A gap belongs to a session that runs.")
    with unit_of_work():
        if session.events.filter(cid=cid).exists():
            return
        SessionEvent.objects.create(
            session=session, cid=cid, kind=Kind.GAP, at_ms=start_ms, until_ms=end_ms, reason=reason, at=at
        )
        if reason == Reason.MICROPHONE:
            SessionEvent.objects.get_or_create(
                session=session,
                cid=f"s:microphone:{end_ms}",
                defaults={"kind": Kind.MICROPHONE, "at_ms": end_ms, "at": at},
            )


def name_gaps(
    session: ConsultationSession,
    measured: Iterable[tuple[int, int]],
    *,
    start_ms: int,
    end_ms: int,
    at: datetime,
    otherwise: str = Reason.UNKNOWN,
) -> None:
    """Let the rows between two places of the clock be these gaps, each with the reason that was told for it.

    A part nobody explained gets the reason `otherwise`. Safe to repeat.
    """
    with transaction.atomic():
        rows = session.events.filter(
            kind=Kind.GAP, at_ms__gte=start_ms - GAP_TOLERANCE_MS, at_ms__lt=end_ms - GAP_TOLERANCE_MS
        )
        stored = {(row.at_ms, row.until_ms or row.at_ms, row.reason): row.pk for row in rows}
        told = sorted(stretch for stretch in stored if stretch[2])
        wanted = {stretch for gap in measured for stretch in explain(gap, told, otherwise=otherwise)}
        session.events.filter(pk__in=[pk for stretch, pk in stored.items() if stretch not in wanted]).delete()
        SessionEvent.objects.bulk_create(
            SessionEvent(
                session=session, cid=f"s:gap:{start}", kind=Kind.GAP, at_ms=start, until_ms=end, reason=reason, at=at
            )
            for start, end, reason in sorted(wanted - stored.keys())
        )


def explain(gap: tuple[int, int], told: Iterable[Stretch], *, otherwise: str) -> list[Stretch]:
    """Cut a gap into the stretches that were told, in order, and the rest; all in ms, slivers of rounding joined."""
    place, end = gap
    stretches: list[Stretch] = []
    for told_start, told_end, reason in told:
        first, last = max(told_start, place), min(told_end, end)
        if last - first <= GAP_TOLERANCE_MS:
            continue
        if first - place > GAP_TOLERANCE_MS:
            stretches.append((place, first, otherwise))
        else:
            first = place
        stretches.append((first, last, reason))
        place = last
    if end - place > GAP_TOLERANCE_MS or not stretches:
        return [*stretches, (place, end, otherwise)]
    start, _, reason = stretches[-1]
    return [*stretches[:-1], (start, end, reason)]

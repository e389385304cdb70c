"""When a message may go out: the clinic's quiet hours, by its wall clock."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from synapse.accounts.models import ClinicSettings

# A message nearer to its visit than this finds its reader on the way.
LATEST = timedelta(minutes=30)
# What quiet hours would make too late goes out so long before they begin.
EARLY = timedelta(minutes=15)


@dataclass(frozen=True)
class QuietHours:
    """The hours of a night, `from_hour` to `until_hour`; equal hours mean that there are none."""

    zone: ZoneInfo
    from_hour: int
    until_hour: int

    def hold(self, at: datetime) -> bool:
        """Tell whether it is quiet at a moment."""
        hour = at.astimezone(self.zone).hour
        if self.from_hour <= self.until_hour:
            return self.from_hour <= hour < self.until_hour
        return hour >= self.from_hour or hour < self.until_hour

    def end_after(self, at: datetime) -> datetime:
        """Return when the quiet hours that hold at a moment are over."""
        local = at.astimezone(self.zone)
        end = self._clock(local, self.until_hour)
        return end if end > at else self._clock(local + timedelta(days=1), self.until_hour)

    def begin_before(self, at: datetime) -> datetime:
        """Return when the quiet hours that hold at a moment began."""
        local = at.astimezone(self.zone)
        begin = self._clock(local, self.from_hour)
        return begin if begin <= at else self._clock(local - timedelta(days=1), self.from_hour)

    def _clock(self, day: datetime, hour: int) -> datetime:
        return datetime.combine(day.date(), time(hour % 24), tzinfo=self.zone)


def quiet_hours_of(clinic: ClinicSettings) -> QuietHours:
    return QuietHours(ZoneInfo(clinic.timezone), clinic.quiet_from_hour, clinic.quiet_until_hour)


def due_now(at: datetime, *, visit_at: datetime, quiet: QuietHours) -> datetime:
    """Return when something to be said now may be said: now, or at the end of quiet hours if that is early enough.

    Who learns of a visit only after it has begun was told nothing, so the night is broken for that.
    """
    if not quiet.hold(at):
        return at
    end = quiet.end_after(at)
    return end if end <= visit_at - LATEST else at


def due_before(visit_at: datetime, hours: int, *, quiet: QuietHours) -> datetime:
    """Return when a reminder so many hours before a visit goes out.

    In quiet hours it waits for their end; where that is too near to the visit it goes out before they begin.
    """
    wanted = visit_at - timedelta(hours=hours)
    if not quiet.hold(wanted):
        return wanted
    end = quiet.end_after(wanted)
    return end if end <= visit_at - LATEST else quiet.begin_before(wanted) - EARLY

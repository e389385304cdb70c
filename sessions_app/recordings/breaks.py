"""Where a recording is not one stretch: its pauses and its gaps, in words. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from sessions_app.models import SessionEvent


@dataclass(frozen=True)
class Pause:
    """A pause of the recording: its place on the clock, which stands still meanwhile, and how long it took."""

    at_ms: int
    seconds: int


def pauses_in(events: Iterable[SessionEvent]) -> list[Pause]:
    """Return the pauses among a session's events; one that no resume ended is not over and left out."""
    found: list[Pause] = []
    begun: SessionEvent | None = None
    for event in sorted(events, key=lambda event: event.at):
        if event.kind == SessionEvent.Kind.PAUSE:
            begun = begun or event
        elif event.kind == SessionEvent.Kind.RESUME and begun is not None:
            found.append(Pause(begun.at_ms, round((event.at - begun.at).total_seconds())))
            begun = None
    return found


def gap_words(gap: SessionEvent) -> str:
    """Say of a gap how long it is and why: `12 s not recorded here: the device was asleep`."""
    words = f"{length_words(((gap.until_ms or gap.at_ms) - gap.at_ms) / 1000)} not recorded here"
    return f"{words}: {gap.get_reason_display()}" if gap.reason else words


def pause_words(pause: Pause) -> str:
    """Say how long a pause took: `Paused for 3 min 20 s`."""
    return f"Paused for {length_words(pause.seconds)}"


def length_words(seconds: float) -> str:
    """Write a length to the second: `40 s`, `12 min 5 s`."""
    seconds = round(seconds)
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"

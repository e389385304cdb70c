"""How often running recordings are read, so that their words come in time on one core. Pure: no clock, no thread."""

from __future__ import annotations

# Measured on one core: three streams fit at a step of 0.6 s, six at 1.0 s, eight do not. More are written at the end.
FEW_LIVE = 3
MOST_LIVE = 6
# Seconds of new sound after which a recording is read again; the last is for a machine that has too much to do.
STEPS_S = (0.6, 1.0, 2.0)
LATE_MS = 1_500
IN_TIME_MS = 800


class Pace:
    """How often each recording is read: less with many of them, and less still while their words come late."""

    def __init__(self) -> None:
        self.is_late = False

    def step_s(self, *, recordings: int, behind_ms: int) -> float:
        """Return the step in seconds, `behind_ms` being the age of the oldest sound that waited."""
        self.is_late = behind_ms > (IN_TIME_MS if self.is_late else LATE_MS)
        return STEPS_S[(recordings > FEW_LIVE) + self.is_late]

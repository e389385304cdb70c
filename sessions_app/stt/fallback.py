"""An engine on the network with one on this machine behind it: when the first stays away, the second goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from sessions_app.stt.base import (
    NO_HINTS,
    AudioSource,
    Hints,
    LiveEvent,
    LiveSession,
    LiveTranscriber,
    Progress,
    SpeechError,
    Transcriber,
    Transcript,
)
from sessions_app.stt.languages import language_name

logger = logging.getLogger(__name__)

# Why the second engine wrote the words; kept with them.
UNREACHABLE = "unreachable"
REFUSED = "refused"
# After a failure new live sessions begin with the second engine for this long.
REST_S = 60.0


class HandOver(Protocol):
    """What a live session that gives up leaves to the next engine; seconds of the recording."""

    @property
    def events(self) -> list[LiveEvent]: ...
    @property
    def start_s(self) -> float: ...
    @property
    def pcm(self) -> bytes: ...
    @property
    def next_id(self) -> int: ...


class ReplaceableSession(LiveSession, Protocol):
    """A live session that another engine can carry on."""

    def hand_over(self) -> HandOver: ...


class ReplaceableTranscriber(Transcriber, Protocol):
    """An engine whose live sessions can be carried on by another."""

    def open_live(
        self, *, language: str, hints: Hints = NO_HINTS, start_s: float = 0.0, first_id: int = 1
    ) -> ReplaceableSession: ...


class FallbackTranscriber:
    """Ask the first engine, and the second where the first fails and the second knows the language."""

    def __init__(
        self, first: ReplaceableTranscriber, second: Callable[[], Transcriber], *, knows: Callable[[str], bool]
    ) -> None:
        self.engine = first.engine
        self._first = first
        self._second = second
        self._knows = knows
        self._rest_until = 0.0

    @property
    def model(self) -> str:
        return self._first.model

    def transcribe(
        self, source: AudioSource, *, language: str, hints: Hints = NO_HINTS, progress: Progress | None = None
    ) -> Transcript:
        """Transcribe the whole recording; the transcript says which engine wrote it and why. Raises SpeechError.

        A source that can be read only once is left to the first engine.
        """
        try:
            return self._first.transcribe(source, language=language, hints=hints, progress=progress)
        except SpeechError as error:
            if not self._knows(language):
                raise SpeechError(
                    f"{error} The engine of this machine does not know {language_name(language)}, so its words wait "
                    "until the service answers. The recording is kept.",
                    transient=error.transient,
                ) from None
            if not _can_be_read_again(source):
                raise
            self._note(error)
            reason = UNREACHABLE if error.transient else REFUSED
        transcript = self._second().transcribe(source, language=language, hints=hints, progress=progress)
        return replace(transcript, fallback=reason)

    def prepare(self, source: Iterable[bytes], *, language: str, hints: Hints = NO_HINTS) -> None:
        """Read ahead as the first engine does; raises SpeechError."""
        self._first.prepare(source, language=language, hints=hints)

    def open_live(
        self, *, language: str, hints: Hints = NO_HINTS, start_s: float = 0.0, first_id: int = 1
    ) -> LiveSession:
        """Open a stream that goes on with the second engine when the first fails; raises SpeechError."""
        if not self._knows(language):
            return self._first.open_live(language=language, hints=hints, start_s=start_s, first_id=first_id)
        if time.monotonic() < self._rest_until:
            return self._second().open_live(language=language, hints=hints, start_s=start_s, first_id=first_id)
        session = self._first.open_live(language=language, hints=hints, start_s=start_s, first_id=first_id)
        return FallbackLive(session, self._second, language=language, hints=hints, on_failure=self._note)

    def _note(self, error: SpeechError) -> None:
        logger.warning("%s gives no words and the embedded engine goes on: %s", self.engine, str(error))
        self._rest_until = time.monotonic() + REST_S


class FallbackLive:
    """One live session; the segments go on under the next id after the engine has changed."""

    def __init__(
        self,
        session: ReplaceableSession,
        second: Callable[[], LiveTranscriber],
        *,
        language: str,
        hints: Hints,
        on_failure: Callable[[SpeechError], None],
    ) -> None:
        self._first: ReplaceableSession | None = session
        self._session: LiveSession = session
        self._open_second = second
        self._language = language
        self._hints = hints
        self._on_failure = on_failure

    @property
    def step_s(self) -> float:
        return self._session.step_s

    @step_s.setter
    def step_s(self, seconds: float) -> None:
        self._session.step_s = seconds

    def feed(self, pcm: bytes) -> list[LiveEvent]:
        """Take the next samples; raises SpeechError only when the second engine fails as well."""
        try:
            return self._session.feed(pcm)
        except SpeechError as error:
            return self._change_over(error)

    def finish(self) -> list[LiveEvent]:
        """End the stream; raises SpeechError only when the second engine fails as well."""
        try:
            return self._session.finish()
        except SpeechError as error:
            return self._change_over(error) + self._session.finish()

    def _change_over(self, error: SpeechError) -> list[LiveEvent]:
        if self._first is None:
            raise error
        self._on_failure(error)
        left, step_s = self._first.hand_over(), self._first.step_s
        self._first = None
        self._session = self._open_second().open_live(
            language=self._language, hints=self._hints, start_s=left.start_s, first_id=left.next_id
        )
        self._session.step_s = step_s or self._session.step_s
        return left.events + self._session.feed(left.pcm)


def _can_be_read_again(source: AudioSource) -> bool:
    if isinstance(source, (str, Path)):
        return True
    return not isinstance(source, Iterator) and not hasattr(source, "read")

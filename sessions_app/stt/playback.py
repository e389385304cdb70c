"""Play a recording into a live session at the pace it was spoken, and note when each word settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from sessions_app.stt.base import SAMPLE_RATE, AudioSource, LiveEvent, LiveTranscriber, Segment
from sessions_app.stt.media import read_pcm

CHUNK_S = 0.1


class Playback:
    """Collect what a live session says; times in seconds after the audio began."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.readings: list[tuple[float, str]] = []
        self.duration_s = 0.0
        self._committed: dict[int, list[float]] = {}

    def note(self, events: list[LiveEvent], *, at: float) -> None:
        for event in events:
            times = self._committed.setdefault(event.segment.id, [])
            times += [at] * (event.committed - len(times))
            self.readings.append((at, event.segment.text))
            if event.segment.is_final:
                self.segments.append(event.segment)

    def committed_at(self, segment: Segment) -> list[float]:
        """Return for each word of a final segment when it settled."""
        return self._committed[segment.id]

    def as_json(self, *, engine: str, model: str, language: str) -> dict[str, Any]:
        segments = []
        for segment in self.segments:
            shown = segment.as_json()
            for word, at in zip(shown["words"], self.committed_at(segment), strict=True):
                word["committed_at"] = round(at, 3)
            segments.append(shown)
        return {
            "engine": engine,
            "model": model,
            "language": language,
            "duration_s": round(self.duration_s, 3),
            "segments": segments,
            "text": " ".join(segment.text for segment in self.segments),
        }


def play(
    transcriber: LiveTranscriber,
    source: AudioSource,
    *,
    language: str,
    on_event: Callable[[LiveEvent], None] = lambda event: None,
) -> Playback:
    """Stream a recording in real time through the live path; audio that waits while the engine works is fed at once.

    Raises SpeechError.
    """
    session = transcriber.open_live(language=language)
    playback = Playback()
    chunks = list(_chunks(source))
    playback.duration_s = sum(len(chunk) for chunk in chunks) / 2 / SAMPLE_RATE
    began = time.monotonic()
    sent = 0
    while sent < len(chunks):
        time.sleep(max(0.0, (sent + 1) * CHUNK_S - (time.monotonic() - began)))
        spoken = min(len(chunks), int((time.monotonic() - began) / CHUNK_S))
        events = session.feed(b"".join(chunks[sent : max(spoken, sent + 1)]))
        sent = max(spoken, sent + 1)
        playback.note(events, at=time.monotonic() - began)
        for event in events:
            on_event(event)
    events = session.finish()
    playback.note(events, at=time.monotonic() - began)
    for event in events:
        on_event(event)
    return playback


def _chunks(source: AudioSource) -> Iterator[bytes]:
    length = int(CHUNK_S * SAMPLE_RATE) * 2
    for block in read_pcm(source):
        for first in range(0, len(block), length):
            yield block[first : first + length]

"""How well and how soon the embedded engine hears a recording while it is made.

The live pass runs on a clock of its own: each 100 ms of sound comes when it would have been spoken, and decoding takes
the processor time it needs, so nothing is played in real time and what else the machine does leaves no mark.
BENCH_LONG=1 plays a silence of five hours instead of half an hour.
"""

import json
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench._live import Heard, spoken_words
from bench._speech import (
    CHUNK,
    CHUNK_S,
    ROOM_SECONDS,
    figure,
    loaded_engine,
    peak_memory,
    reference_of,
    sets,
    skipped,
)

SILENT_HOURS = 5.0 if os.environ.get("BENCH_LONG") else 0.5
TARGETS = {"interim": {50: 0.6, 95: 1.5}, "commit": {50: 1.5, 95: 3.0, 100: 8.0}}


def run() -> Iterator[dict[str, Any]]:
    """Yield one line for each figure."""
    engine = loaded_engine()
    found = sets()
    for name, files in found.items():
        yield from _set_of(engine, name, files)
    if "data" not in found:
        for name in ("live_wer", "interim_p50"):
            yield skipped(f"speech.{name}.data")
    yield peak_memory("speech.live_peak_rss")
    yield from _invented(engine)
    yield from _silent_tail(engine)


def _set_of(engine: Any, name: str, files: list[Path]) -> Iterator[dict[str, Any]]:
    whole = Heard()
    for path in files:
        one = _hear(engine, path)
        whole.add(one)
        if len(files) > 1:
            yield from _figures(path.stem, one)
    yield from _figures(name, whole)


def _figures(name: str, heard: Heard) -> Iterator[dict[str, Any]]:
    batch, live = 100 * heard.batch_errors.rate, 100 * heard.errors.rate
    yield figure(f"speech.live_wer.{name}", live, "%", {"batch": batch}, heard.errors.words)
    yield figure(f"speech.live_above_batch.{name}", live - batch, "points", {"target": 3.0}, heard.errors.words)
    yield figure(f"speech.live_rtf.{name}", heard.busy / heard.seconds, "s/s", {"spec": 0.24}, 1)
    yield from latencies(f"speech.{{}}.{name}", heard)


def latencies(name: str, heard: Heard) -> Iterator[dict[str, Any]]:
    """Yield the percentiles of both latencies under `name`, whose {} takes which one it is; 100 is the worst word."""
    for what, values in (("interim", heard.shown), ("commit", heard.committed)):
        for percent, target in TARGETS[what].items():
            value = max(values) if percent == 100 else statistics.quantiles(values, n=100)[percent - 1]
            label = "worst" if percent == 100 else f"p{percent}"
            yield figure(name.format(f"{what}_{label}"), value, "s", {"target": target}, len(values))


def _hear(engine: Any, path: Path) -> Heard:
    from sessions_app.stt.media import read_pcm
    from sessions_app.stt.playback import Playback
    from synapse.testing.word_errors import word_errors

    reference, pcm, heard = reference_of(path), b"".join(read_pcm(path)), Heard()
    session, playback, now, began_at = engine.open_live(language="en"), Playback(), 0.0, time.process_time()
    for place, start in enumerate(range(0, len(pcm), CHUNK), start=1):
        now = max(now, place * CHUNK_S)
        began = time.process_time()
        events = session.feed(pcm[start : start + CHUNK])
        now += time.process_time() - began
        playback.note(events, at=now)
    began = time.process_time()
    events = session.finish()
    playback.note(events, at=now + time.process_time() - began)
    heard.busy = time.process_time() - began_at
    heard.seconds = len(pcm) / 32_000
    heard.errors = word_errors(reference["text"], " ".join(segment.text for segment in playback.segments))
    heard.batch_errors = word_errors(reference["text"], engine.transcribe(path, language="en").text)
    heard.add_latencies(spoken_words(engine, pcm, reference["turns"]), playback)
    return heard


def _invented(engine: Any) -> Iterator[dict[str, Any]]:
    """Count the words heard in a minute of each sound that is not speech."""
    from sessions_app.tests.stt.sound import NOISES

    for name, noise in NOISES.items():
        sound = noise(ROOM_SECONDS)
        session = engine.open_live(language="en")
        pieces = (sound[start : start + CHUNK] for start in range(0, len(sound), CHUNK))
        words = sum(len(event.segment.words) for piece in pieces for event in session.feed(piece))
        words += sum(len(event.segment.words) for event in session.finish())
        yield figure(f"speech.live_words_in.{name}", words, "words", {"target": 0}, ROOM_SECONDS)


def _silent_tail(engine: Any) -> Iterator[dict[str, Any]]:
    """Leave the microphone on after the last word, for hours."""
    from sessions_app.tests.stt.sound import consultation, seconds

    session = engine.open_live(language="en")
    session.feed(seconds(consultation(), 0, 10))
    session.feed(bytes(20 * CHUNK))
    before, began, words = _memory_mb(), time.process_time(), 0
    chunks = int(SILENT_HOURS * 3_600 / CHUNK_S)
    for _ in range(chunks):
        words += sum(len(event.segment.words) for event in session.feed(bytes(CHUNK)))
    busy = time.process_time() - began
    words += sum(len(event.segment.words) for event in session.finish())
    yield figure("speech.live_words_in.silent_tail", words, "words", {"target": 0}, int(SILENT_HOURS * 3_600))
    yield figure("speech.live_silent_hour", busy / SILENT_HOURS, "s", {}, chunks)
    yield figure("speech.live_silent_growth", _memory_mb() - before, "MB", {"target": 1.0}, chunks)


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)

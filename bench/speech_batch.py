"""How well and how fast the embedded engine reads finished recordings: the shipped consultation and BENCH_DATA/audio."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bench._speech import ROOM_SECONDS, SAMPLES, figure, loaded_engine, peak_memory, reference_of, sets, skipped

SILENT_S = 600
# At most this much of a session is in a block that was not over, and so not read ahead, when it stops.
UNREAD_S = 120


@dataclass
class Read:
    """What was measured on some recordings, added up."""

    errors: Any = None
    seconds: float = 0.0
    busy: float = 0.0
    turns: int = 0
    right_turns: int = 0
    wrong_turns: int = 0
    drugs_said: int = 0
    drugs_found: int = 0
    drugs_wrong: int = 0

    def add(self, other: "Read") -> None:
        self.errors = other.errors if self.errors is None else self.errors + other.errors
        for field in fields(self):
            if field.name != "errors":
                setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def run() -> Iterator[dict[str, Any]]:
    """Yield one line for each figure."""
    engine = loaded_engine()
    found = sets()
    for name, files in found.items():
        yield from _set_of(engine, name, files)
    if "data" not in found:
        yield skipped("speech.batch_wer.data")
    yield from _invented(engine)
    yield _silent_hour(engine)
    yield from _long_session()
    yield peak_memory("speech.batch_peak_rss")


def _set_of(engine: Any, name: str, files: list[Path]) -> Iterator[dict[str, Any]]:
    whole = Read()
    for path in files:
        one = _read(engine, path)
        whole.add(one)
        if len(files) > 1:
            yield figure(f"speech.batch_wer.{path.stem}", 100 * one.errors.rate, "%", {}, one.errors.words)
            yield _turns(f"speech.turns_right.{path.stem}", one)
    yield figure(f"speech.batch_wer.{name}", 100 * whole.errors.rate, "%", {"target": 7.0}, whole.errors.words)
    yield figure(f"speech.batch_rtf.{name}", whole.busy / whole.seconds, "s/s", {"spec": 0.036}, len(files))
    yield _turns(f"speech.turns_right.{name}", whole)
    for what, of in (("recall", whole.drugs_said), ("precision", whole.drugs_found + whole.drugs_wrong)):
        if of:
            yield figure(f"speech.drug_{what}.{name}", 100 * whole.drugs_found / of, "%", {}, of)


def _read(engine: Any, path: Path) -> Read:
    from synapse.testing.word_errors import word_errors

    reference = reference_of(path)
    began = time.process_time()
    transcript = engine.transcribe(path, language="en")
    one = Read(word_errors(reference["text"], transcript.text), transcript.duration_s, time.process_time() - began)
    said, heard = _drugs(reference["text"]), _drugs(transcript.text)
    one.drugs_said, one.drugs_found = said.total(), (said & heard).total()
    one.drugs_wrong = (heard - said).total()
    for turn in reference["turns"]:
        spoken: dict[str, float] = {}
        for segment in transcript.segments:
            for word in segment.words:
                overlap = min(word.end, turn["end"]) - max(word.start, turn["start"])
                if overlap > 0:
                    spoken[segment.speaker] = spoken.get(segment.speaker, 0.0) + overlap
        if spoken:
            speaker = max(spoken, key=lambda name: spoken[name])
            one.turns += 1
            one.right_turns += speaker == turn["speaker"]
            one.wrong_turns += speaker not in {turn["speaker"], "unknown"}
    return one


def _drugs(text: str) -> Counter[str]:
    from sessions_app.stt.agreement import bare
    from sessions_app.transcripts.clinical_terms import DRUGS

    return Counter(word for word in map(bare, text.split()) if word in DRUGS)


def _silent_hour(engine: Any) -> dict[str, Any]:
    """Measure what a forgotten microphone costs: processor seconds for an hour in which nobody speaks."""
    second = bytes(32_000)
    began = time.process_time()
    engine.transcribe((second for _ in range(SILENT_S)), language="en")
    return figure("speech.silent_hour", (time.process_time() - began) * 3_600 / SILENT_S, "s", {}, SILENT_S)


def _long_session() -> Iterator[dict[str, Any]]:
    """Measure the processor time from stop to transcript of a 50 minute session, not read ahead and read ahead.

    The consultation is said again and again for BENCH_SESSION_MINUTES (5), and the figures scaled to 50.
    """
    from sessions_app.stt.media import read_pcm

    minutes = float(os.environ.get("BENCH_SESSION_MINUTES", "5"))
    once = b"".join(read_pcm(SAMPLES / "consultation.ogg"))
    length = int(minutes * 60) * 32_000
    pcm = (once * (length // len(once) + 1))[:length]
    pieces = [pcm[first : first + 320_000] for first in range(0, length, 320_000)]
    engine = loaded_engine()
    began = time.process_time()
    engine.prepare(pieces, language="en")
    reading = (time.process_time() - began) * 50 / minutes
    began = time.process_time()
    engine.transcribe(pieces, language="en")
    rest = (time.process_time() - began) * 50 / minutes
    ratios = {"target": 150, "minutes": minutes}
    yield figure("speech.stop_to_transcript", reading + rest, "s", ratios, 1)
    unread = reading * UNREAD_S / (50 * 60)
    yield figure("speech.stop_to_transcript_after_reading_ahead", rest + unread, "s", ratios, 1)


def _invented(engine: Any) -> Iterator[dict[str, Any]]:
    """Count the words heard in a minute of each noise that a room without a voice makes."""
    from sessions_app.tests.stt.sound import NOISES

    for name, noise in NOISES.items():
        words = engine.transcribe([noise(ROOM_SECONDS)], language="en").word_count
        yield figure(f"speech.batch_words_in_{name}", words, "words", {"target": 0}, ROOM_SECONDS)


def _turns(name: str, read: Read) -> dict[str, Any]:
    ratios = {"target": 90, "wrong": 100 * read.wrong_turns / read.turns}
    return figure(name, 100 * read.right_turns / read.turns, "%", ratios, read.turns)


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)

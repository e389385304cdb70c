"""How well and how fast the embedded engine reads finished recordings: the shipped consultation and BENCH_DATA/audio."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench._speech import ROOM_SECONDS, figure, loaded_engine, peak_memory, reference_of, sets, skipped


@dataclass
class Read:
    """What was measured on some recordings, added up."""

    errors: Any = None
    seconds: float = 0.0
    busy: float = 0.0
    turns: int = 0
    right_turns: int = 0
    wrong_turns: int = 0

    def add(self, other: "Read") -> None:
        self.errors = other.errors if self.errors is None else self.errors + other.errors
        for name in ("seconds", "busy", "turns", "right_turns", "wrong_turns"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def run() -> Iterator[dict[str, Any]]:
    """Yield one line for each figure."""
    engine = loaded_engine()
    found = sets()
    for name, files in found.items():
        yield from _set_of(engine, name, files)
    if "data" not in found:
        yield skipped("speech.batch_wer.data")
    yield from _invented(engine)
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


def _read(engine: Any, path: Path) -> Read:
    from synapse.testing.word_errors import word_errors

    reference = reference_of(path)
    began = time.process_time()
    transcript = engine.transcribe(path, language="en")
    one = Read(word_errors(reference["text"], transcript.text), transcript.duration_s, time.process_time() - began)
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

"""How well and how soon the embedded engine hears a recording while it is made.

The live pass runs on a clock of its own: each 100 ms of sound comes when it would have been spoken, and decoding takes
the processor time it needs, so nothing is played in real time and what else the machine does leaves no mark.
"""

import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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

SHOWN_LATELY = 14


@dataclass
class Heard:
    """What was measured on some recordings, added up."""

    errors: Any = None
    seconds: float = 0.0
    busy: float = 0.0
    committed: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)

    def add(self, other: "Heard") -> None:
        self.errors = other.errors if self.errors is None else self.errors + other.errors
        self.seconds += other.seconds
        self.busy += other.busy
        self.committed += other.committed
        self.shown += other.shown


def run() -> Iterator[dict[str, Any]]:
    """Yield one line for each figure."""
    engine = loaded_engine()
    found = sets()
    for name, files in found.items():
        yield from _set_of(engine, name, files)
    if "data" not in found:
        for name in ("live_wer", "interim_p50"):
            yield skipped(f"speech.{name}.data")
    yield _invented(engine)
    yield peak_memory("speech.live_peak_rss")


def _set_of(engine: Any, name: str, files: list[Path]) -> Iterator[dict[str, Any]]:
    whole = Heard()
    for path in files:
        one = _hear(engine, path)
        whole.add(one)
        if len(files) > 1:
            yield figure(f"speech.live_wer.{path.stem}", 100 * one.errors.rate, "%", {}, one.errors.words)
    yield figure(f"speech.live_wer.{name}", 100 * whole.errors.rate, "%", {}, whole.errors.words)
    yield figure(f"speech.live_rtf.{name}", whole.busy / whole.seconds, "s/s", {"spec": 0.24}, len(files))
    for what, values, targets in (("interim", whole.shown, (0.6, 1.5)), ("commit", whole.committed, (1.5, 3.0))):
        for percent, target in zip((50, 95), targets, strict=True):
            value = statistics.quantiles(values, n=100)[percent - 1]
            yield figure(f"speech.{what}_p{percent}.{name}", value, "s", {"target": target}, len(values))


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
    heard.busy += time.process_time() - began_at
    heard.seconds += len(pcm) / 32_000
    heard.errors = word_errors(reference["text"], " ".join(segment.text for segment in playback.segments))
    _add_latencies(engine, pcm, reference, playback, heard)
    return heard


def _add_latencies(engine: Any, pcm: bytes, reference: dict[str, Any], playback: Any, heard: Heard) -> None:
    """Compare when each right word was shown and settled with when it had been spoken."""
    import jiwer

    from sessions_app.stt.agreement import bare

    said = _spoken_words(engine, pcm, reference["turns"])
    settled = [
        (bare(word.text), at)
        for segment in playback.segments
        for word, at in zip(segment.words, playback.committed_at(segment), strict=True)
    ]
    found = jiwer.process_words(" ".join(text for text, _ in said), " ".join(text or "_" for text, _ in settled))
    for run_of in found.alignments[0]:
        if run_of.type != "equal":
            continue
        for place in range(run_of.ref_end_idx - run_of.ref_start_idx):
            text, end = said[run_of.ref_start_idx + place]
            at = settled[run_of.hyp_start_idx + place][1]
            heard.committed.append(at - end)
            shown = (
                when
                for when, reading in playback.readings
                if when >= end - 0.3 and text in [bare(one) for one in reading.split()[-SHOWN_LATELY:]]
            )
            heard.shown.append(min(next(shown, at), at) - end)


def _spoken_words(engine: Any, pcm: bytes, turns: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """Align the reference with the sound: (word, when it ended in seconds) for each word of each turn."""
    import numpy as np

    from sessions_app.stt.agreement import bare
    from sessions_app.stt.media import samples_of

    whisper = engine._whisper
    tokenizer, model = whisper._tokenizer("en"), whisper.model
    words: list[tuple[str, float]] = []
    for turn in turns:
        audio = samples_of(pcm[int(turn["start"] * 16_000) * 2 : int(turn["end"] * 16_000) * 2])[: 30 * 16_000]
        frames = max(1, int(len(audio) / 160))
        features = model.feature_extractor(audio)[:, :frames]
        features = np.pad(features, ((0, 0), (0, max(0, 3_000 - features.shape[1]))))[:, :3_000]
        tokens = tokenizer.encode(" " + turn["text"])[:200]
        words += [
            (bare(one["word"]), turn["start"] + min(float(one["end"]), len(audio) / 16_000))
            for one in model.find_alignment(tokenizer, [tokens], model.encode(features), frames)[0]
            if bare(one["word"])
        ]
    return words


def _invented(engine: Any) -> dict[str, Any]:
    """Count words heard in a minute of silence and a minute of a humming room."""
    from sessions_app.tests.stt.sound import room_hum, silence

    words, rooms = 0, (silence(ROOM_SECONDS), room_hum(ROOM_SECONDS))
    for room in rooms:
        session = engine.open_live(language="en")
        events = [event for start in range(0, len(room), CHUNK) for event in session.feed(room[start : start + CHUNK])]
        words += sum(len(event.segment.words) for event in events + session.finish())
    return figure("speech.live_words_in_silence", words, "words", {"target": 0}, len(rooms) * ROOM_SECONDS)


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)

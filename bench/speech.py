"""How well and how fast the embedded engine hears: batch and live, on the shipped consultation and on BENCH_DATA/audio.

BENCH_DATA/audio holds recordings (.wav, .flac, .ogg) with a .json of the same name: `text`, and `turns` with `speaker`,
`start`, `end` and `text`. The live pass runs on a clock of its own: each 100 ms of sound comes when it would have been
spoken, and decoding takes the processor time it needs, so nothing is played in real time and what else the machine does
leaves no mark.
"""

import json
import os
import resource
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).resolve().parent.parent / "sessions_app" / "tests" / "samples"
SUFFIXES = (".wav", ".flac", ".ogg")
CHUNK = 3_200
CHUNK_S = 0.1
ROOM_SECONDS = 60
SHOWN_LATELY = 14


@dataclass
class Heard:
    """What was measured on some recordings, added up."""

    errors: Any = None
    seconds: float = 0.0
    busy: float = 0.0
    turns: int = 0
    right_turns: int = 0
    wrong_turns: int = 0
    committed: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)

    def add_errors(self, errors: Any) -> None:
        self.errors = errors if self.errors is None else self.errors + errors


def run() -> Iterator[dict[str, Any]]:
    """Yield one line for each figure."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    from sessions_app.stt.embedded import EmbeddedTranscriber

    engine = EmbeddedTranscriber()
    engine.transcribe([bytes(2 * CHUNK)], language="en")
    yield from _set_of(engine, "sample", _recordings(SAMPLES))
    folder = Path(os.environ.get("BENCH_DATA", "")) / "audio"
    if os.environ.get("BENCH_DATA") and folder.is_dir():
        yield from _set_of(engine, "data", _recordings(folder))
    else:
        for name in ("batch_wer", "live_wer", "interim_p50"):
            yield {"bench": f"speech.{name}.data", "skipped": "set BENCH_DATA to a folder with audio/"}
    yield _invented(engine)
    yield _line("speech.peak_rss", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB", {"target": 700}, 1)


def _set_of(engine: Any, name: str, files: list[Path]) -> Iterator[dict[str, Any]]:
    batch, live = Heard(), Heard()
    for path in files:
        reference = json.loads(path.with_suffix(".json").read_text())
        each_batch, each_live = Heard(), Heard()
        _hear_batch(engine, path, reference, each_batch)
        _join(batch, each_batch)
        _hear_live(engine, path, reference, each_live)
        _join(live, each_live)
        if len(files) > 1:
            yield _line(f"speech.batch_wer.{path.stem}", 100 * each_batch.errors.rate, "%", {}, each_batch.errors.words)
            yield _line(f"speech.live_wer.{path.stem}", 100 * each_live.errors.rate, "%", {}, each_live.errors.words)
            yield _turns(f"speech.turns_right.{path.stem}", each_batch)
    words = batch.errors.words
    batch_wer = 100 * batch.errors.rate
    yield _line(f"speech.batch_wer.{name}", batch_wer, "%", {"target": 7.5}, words)
    yield _line(f"speech.live_wer.{name}", 100 * live.errors.rate, "%", {"batch": batch_wer}, words)
    yield _line(f"speech.batch_rtf.{name}", batch.busy / batch.seconds, "s/s", {"spec": 0.036}, len(files))
    yield _line(f"speech.live_rtf.{name}", live.busy / live.seconds, "s/s", {"spec": 0.24}, len(files))
    yield _turns(f"speech.turns_right.{name}", batch)
    for figure, values, targets in (("interim", live.shown, (0.6, 1.5)), ("commit", live.committed, (1.5, 3.0))):
        for percent, target in zip((50, 95), targets, strict=True):
            value = statistics.quantiles(values, n=100)[percent - 1]
            yield _line(f"speech.{figure}_p{percent}.{name}", value, "s", {"target": target}, len(values))


def _hear_batch(engine: Any, path: Path, reference: dict[str, Any], heard: Heard) -> None:
    from synapse.testing.word_errors import word_errors

    began = time.process_time()
    transcript = engine.transcribe(path, language="en")
    heard.busy += time.process_time() - began
    heard.seconds += transcript.duration_s
    heard.add_errors(word_errors(reference["text"], transcript.text))
    for turn in reference["turns"]:
        spoken: dict[str, float] = {}
        for segment in transcript.segments:
            for word in segment.words:
                overlap = min(word.end, turn["end"]) - max(word.start, turn["start"])
                if overlap > 0:
                    spoken[segment.speaker] = spoken.get(segment.speaker, 0.0) + overlap
        if spoken:
            speaker = max(spoken, key=lambda name: spoken[name])
            heard.turns += 1
            heard.right_turns += speaker == turn["speaker"]
            heard.wrong_turns += speaker not in {turn["speaker"], "unknown"}


def _hear_live(engine: Any, path: Path, reference: dict[str, Any], heard: Heard) -> None:
    from sessions_app.stt.media import read_pcm
    from sessions_app.stt.playback import Playback
    from synapse.testing.word_errors import word_errors

    pcm = b"".join(read_pcm(path))
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
    heard.add_errors(word_errors(reference["text"], " ".join(segment.text for segment in playback.segments)))
    _add_latencies(engine, pcm, reference, playback, heard)


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
    """Count words heard in a minute of silence and a minute of a humming room, batch and live."""
    from sessions_app.tests.stt.sound import room_hum, silence

    words = 0
    for room in (silence(ROOM_SECONDS), room_hum(ROOM_SECONDS)):
        words += engine.transcribe([room], language="en").word_count
        session = engine.open_live(language="en")
        events = [event for start in range(0, len(room), CHUNK) for event in session.feed(room[start : start + CHUNK])]
        words += sum(len(event.segment.words) for event in events + session.finish())
    return _line("speech.words_in_silence", words, "words", {"target": 0}, 4 * ROOM_SECONDS)


def _turns(name: str, heard: Heard) -> dict[str, Any]:
    ratios = {"target": 90, "wrong": 100 * heard.wrong_turns / heard.turns}
    return _line(name, 100 * heard.right_turns / heard.turns, "%", ratios, heard.turns)


def _join(whole: Heard, part: Heard) -> None:
    whole.add_errors(part.errors)
    for name in ("seconds", "busy", "turns", "right_turns", "wrong_turns"):
        setattr(whole, name, getattr(whole, name) + getattr(part, name))
    whole.committed += part.committed
    whole.shown += part.shown


def _recordings(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.with_suffix(".json").is_file())


def _line(bench: str, value: float, unit: str, ratio_to: dict[str, float], n: int) -> dict[str, Any]:
    rounded = {what: round(number, 3) for what, number in ratio_to.items()}
    return {"bench": bench, "value": round(value, 3), "unit": unit, "ratio_to": rounded, "n": n}


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)

"""What the live figures rest on: how many words came out wrong, and how late each right one was shown and settled."""

from dataclasses import dataclass, field
from typing import Any

SHOWN_LATELY = 14
FULL_WINDOW = 3_000


@dataclass
class Heard:
    """What was measured on some recordings, added up; times in seconds."""

    errors: Any = None
    batch_errors: Any = None
    seconds: float = 0.0
    busy: float = 0.0
    committed: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)

    def add(self, other: "Heard") -> None:
        self.errors = other.errors if self.errors is None else self.errors + other.errors
        self.batch_errors = other.batch_errors if self.batch_errors is None else self.batch_errors + other.batch_errors
        self.seconds += other.seconds
        self.busy += other.busy
        self.committed += other.committed
        self.shown += other.shown

    def add_latencies(self, said: list[tuple[str, float]], playback: Any) -> None:
        """Compare when each right word was shown and settled with when it had been spoken."""
        import jiwer

        from sessions_app.stt.agreement import bare

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
                self.committed.append(at - end)
                shown = (
                    when
                    for when, reading in playback.readings
                    if when >= end - 0.3 and text in [bare(one) for one in reading.split()[-SHOWN_LATELY:]]
                )
                self.shown.append(min(next(shown, at), at) - end)


def spoken_words(engine: Any, pcm: bytes, turns: list[dict[str, Any]]) -> list[tuple[str, float]]:
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
        features = np.pad(features, ((0, 0), (0, max(0, FULL_WINDOW - features.shape[1]))))[:, :FULL_WINDOW]
        tokens = tokenizer.encode(" " + turn["text"])[:200]
        words += [
            (bare(one["word"]), turn["start"] + min(float(one["end"]), len(audio) / 16_000))
            for one in model.find_alignment(tokenizer, [tokens], model.encode(features), frames)[0]
            if bare(one["word"])
        ]
    return words

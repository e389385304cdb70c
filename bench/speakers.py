"""How well voices are told apart and named: the shipped consultation, BENCH_DATA/audio, and groups made of them.

A recording has a .json of its turns (`speaker`, `start`, `end`, `text`) or an .rttm beside it. A turn is right when the
voice that spoke most of its words is the one that stands for its speaker (best assignment of voices to speakers); whether
the voice also got the right name is said apart. Groups of one to six voices are made of a recording's own turns: faster
and slower copies of a person count as further people, which is harder than real ones (a cosine of 0.81 to 0.89 between
the two, 0.55 to 0.78 between different people).
"""

import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

from bench._speech import SAMPLES, SUFFIXES, figure, loaded_engine, reference_of, skipped

RATE = 16_000
SPEEDS = (1.0, 0.83, 1.2)
# Long enough to hold a voice, short enough to be said.
LEAST_TURN_S = 0.6
PAUSES_S = (0.05, 0.7)
TURNS_EACH = 10
ENROLLED_S = 20.0


@dataclass(frozen=True)
class Turn:
    """Who spoke when (s), and what was said where the reference knows it."""

    speaker: str
    start: float
    end: float
    text: str = ""


@dataclass
class Named:
    """Turns and what became of them."""

    turns: list[Turn]
    segments: list[Any]
    seconds: float = 0.0

    def line(self, bench: str) -> dict[str, Any]:
        """Return the share of turns with the right voice, and beside it how many voices and which names there were."""
        voices = [_most(turn, self.segments, "voice") for turn in self.turns]
        names = [_most(turn, self.segments, "speaker") for turn in self.turns]
        heard = [place for place, voice in enumerate(voices) if voice is not None]
        speakers = [turn.speaker for turn in self.turns]
        right = _best_assignment([(speakers[place], voices[place]) for place in heard])
        ratios: dict[str, float] = {
            "target": 90,
            "voices": len(set(speakers)),
            "found": len({segment.voice for segment in self.segments}),
            "unknown": 100 * sum(names[place] == "unknown" for place in heard) / max(1, len(heard)),
        }
        if {"doctor"} < set(speakers):
            wrong = sum(names[place] not in {speakers[place], "unknown"} for place in heard)
            ratios["wrong_name"] = 100 * wrong / max(1, len(heard))
        return figure(bench, 100 * right / max(1, len(heard)), "%", ratios, len(heard))


def run() -> Iterator[dict[str, Any]]:
    """Yield one line for each recording and each group."""
    engine = loaded_engine()
    folders = {"sample": SAMPLES}
    if os.environ.get("BENCH_DATA"):
        folders["data"] = Path(os.environ["BENCH_DATA"]) / "audio"
    else:
        yield skipped("speakers.turns.data")
    for folder in folders.values():
        for path in _recordings(folder):
            turns = _turns_of(path)
            yield _read(engine, path, turns).line(f"speakers.turns.{path.stem}")
            if path.with_suffix(".json").is_file():
                yield from _with_what_is_known(path, turns)
                yield from _groups(path, turns)


def _read(engine: Any, path: Path, turns: list[Turn]) -> Named:
    transcript = engine.transcribe(path, language="en")
    return Named(turns, list(transcript.segments), transcript.duration_s)


def _with_what_is_known(path: Path, turns: list[Turn]) -> Iterator[dict[str, Any]]:
    """Name the turns with a profile of the doctor, and name them live with and without it."""
    from sessions_app.stt.live_voices import LiveVoices

    audio = _audio_of(path)
    profile, enrolled = _profile_of(audio, [turn for turn in turns if turn.speaker == "doctor"])
    rest = [turn for turn in turns if turn not in enrolled]
    yield _attributed(audio, rest, doctor_voice=profile).line(f"speakers.turns_with_profile.{path.stem}")
    for what, known in (("live", ()), ("live_with_profile", profile)):
        live, at, names, began = LiveVoices(0.0, doctor_voice=known), 0, [], time.process_time()
        for turn in rest:
            live.hear(audio[at : int(turn.end * RATE)])
            at = int(turn.end * RATE)
            names.append(live.speaker_of(_words_of(turn)))
        busy = time.process_time() - began
        right = sum(name == turn.speaker for name, turn in zip(names, rest, strict=True))
        wrong = sum(name not in {turn.speaker, "unknown"} for name, turn in zip(names, rest, strict=True))
        ratios = {"wrong_name": 100 * wrong / len(rest), "cpu_s_per_segment": busy / len(rest)}
        yield figure(f"speakers.{what}.{path.stem}", 100 * right / len(rest), "%", ratios, len(rest))


def _groups(path: Path, turns: list[Turn]) -> Iterator[dict[str, Any]]:
    """Make sessions of one to six voices out of the recording's turns: clean, with noise, and as by telephone."""
    audio = _audio_of(path)
    people = _people_in(audio, turns)
    for number in range(1, 1 + min(6, len(people))):
        sound, said = _session_of(dict(list(people.items())[:number]), seed=number)
        yield _attributed(sound, said).line(f"speakers.group_of_{number}.{path.stem}")
        if number in (1, 2):
            yield _attributed(_noisy(sound), said).line(f"speakers.group_of_{number}_noise_10_db.{path.stem}")
            yield _attributed(_by_telephone(sound), said).line(f"speakers.group_of_{number}_telephone.{path.stem}")


def _attributed(audio: Any, turns: Sequence[Turn], *, doctor_voice: Sequence[float] = ()) -> Named:
    """Give the turns' words to voices, with the times of the reference, so that only the voices are measured."""
    from sessions_app.stt.speakers import Voices, listen
    from sessions_app.stt.voice import RegionFinder

    finder = RegionFinder(pause_s=0.16)
    regions = [*finder.feed(audio), *finder.finish()]
    voices = Voices(doctor_voice=doctor_voice)
    voices.add(listen((one.start, audio[int(one.start * RATE) : int(one.end * RATE)]) for one in regions))
    return Named(list(turns), voices.attribute([word for turn in turns for word in _words_of(turn)]))


def _people_in(audio: Any, turns: Sequence[Turn]) -> dict[str, list[tuple[Any, str]]]:
    """Return the turns' sounds and words by person; copies at another speed count as further people."""
    import numpy as np

    people: dict[str, list[tuple[Any, str]]] = {}
    for speed in SPEEDS:
        for turn in turns:
            own = audio[int(turn.start * RATE) : int(turn.end * RATE)]
            if len(own) >= LEAST_TURN_S * RATE:
                places = np.arange(int(len(own) / speed)) * speed
                sound = np.interp(places, np.arange(len(own)), own).astype(np.float32)
                people.setdefault(f"{turn.speaker} x{speed}", []).append((sound, turn.text))
    return people


def _session_of(people: dict[str, list[tuple[Any, str]]], *, seed: int) -> tuple[Any, list[Turn]]:
    """Let everybody speak in turn, in a mixed order."""
    import numpy as np

    random.seed(seed)
    order = [(who, sound, text) for who, own in people.items() for sound, text in own[:TURNS_EACH]]
    random.shuffle(order)
    pieces, turns, at = [], [], 0
    for who, sound, text in order:
        turns.append(Turn(who, at / RATE, (at + len(sound)) / RATE, text))
        pieces += [sound, np.zeros(int(random.uniform(*PAUSES_S) * RATE), np.float32)]
        at += len(pieces[-1]) + len(sound)
    return np.concatenate(pieces), turns


def _noisy(audio: Any) -> Any:
    """Add falling noise at 10 dB below the speech."""
    import numpy as np

    spectrum = np.fft.rfft(np.random.default_rng(1).normal(size=len(audio)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.fft.rfftfreq(len(audio), 1 / RATE), 60)), len(audio))
    speech = np.mean(audio[np.abs(audio) > 0.005] ** 2)
    return (audio + noise * np.sqrt(speech / 10 / np.mean(noise**2))).astype(np.float32)


def _by_telephone(audio: Any) -> Any:
    """Keep 250 to 3,500 Hz."""
    import numpy as np

    rates = np.fft.rfftfreq(len(audio), 1 / RATE)
    passed = np.clip((rates - 150) / 200, 0, 1) * np.clip((3_700 - rates) / 400, 0, 1)
    return np.fft.irfft(np.fft.rfft(audio) * passed, len(audio)).astype(np.float32)


def _profile_of(audio: Any, turns: Sequence[Turn]) -> tuple[tuple[float, ...], list[Turn]]:
    """Return the mean voice of the first turns, about 20 s of them and at most half, and which they were."""
    import numpy as np

    from sessions_app.stt.clustering import unit
    from sessions_app.stt.speakers import listen

    taken: list[Turn] = []
    for turn in turns[: len(turns) // 2]:
        taken.append(turn)
        if sum(one.end - one.start for one in taken) > ENROLLED_S:
            break
    heard = listen((turn.start, audio[int(turn.start * RATE) : int(turn.end * RATE)]) for turn in taken)
    return tuple(unit(np.concatenate([stretch.vectors for stretch in heard]).mean(0)).tolist()), taken


def _words_of(turn: Turn) -> list[Any]:
    from sessions_app.stt.base import Word

    texts = turn.text.split() or ["-"]
    step = (turn.end - turn.start) / len(texts)
    return [
        Word(turn.start + step * place, turn.start + step * (place + 1), text, 1.0) for place, text in enumerate(texts)
    ]


def _most(turn: Turn, segments: Sequence[Any], what: str) -> Any:
    """Return the voice or the name that most of the words within a turn have, nothing when no word was heard."""
    spoken: dict[Any, float] = {}
    for segment in segments:
        for word in segment.words:
            overlap = min(word.end, turn.end) - max(word.start, turn.start)
            if overlap > 0:
                spoken[getattr(segment, what)] = spoken.get(getattr(segment, what), 0.0) + overlap
    return max(spoken, key=lambda one: spoken[one]) if spoken else None


def _best_assignment(pairs: Sequence[tuple[str, int]]) -> int:
    """Return how many turns are right when each speaker is given the one voice that fits best overall."""
    speakers = sorted({speaker for speaker, _ in pairs})
    heard = sorted({voice for _, voice in pairs})
    voices = [*heard, *[None] * (len(speakers) - len(heard))]
    return max(
        sum(dict(zip(speakers, chosen, strict=True))[speaker] == voice for speaker, voice in pairs)
        for chosen in permutations(voices, len(speakers))
    )


def _recordings(folder: Path) -> list[Path]:
    known = (".json", ".rttm")
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in SUFFIXES and any(path.with_suffix(suffix).is_file() for suffix in known)
    )


def _turns_of(path: Path) -> list[Turn]:
    if path.with_suffix(".json").is_file():
        turns = reference_of(path)["turns"]
        return [Turn(turn["speaker"], turn["start"], turn["end"], turn["text"]) for turn in turns]
    rows = [row.split() for row in path.with_suffix(".rttm").read_text().splitlines() if row.strip()]
    return [Turn(row[7], float(row[3]), float(row[3]) + float(row[4])) for row in rows]


def _audio_of(path: Path) -> Any:
    from sessions_app.stt.media import read_pcm, samples_of

    return samples_of(b"".join(read_pcm(path)))


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)

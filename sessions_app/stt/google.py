"""Google Speech-to-Text (v1) behind the same protocol: streams for live words, the same streams for finished files.

A stream lives five minutes at most and takes at most 25,600 bytes a message; both limits are kept with room to spare.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sessions_app.stt.base import (
    DOCTOR,
    NO_HINTS,
    PATIENT,
    SAMPLE_RATE,
    UNKNOWN,
    AudioSource,
    Hints,
    LiveEvent,
    Progress,
    Segment,
    SpeechError,
    Transcript,
    Word,
)
from sessions_app.stt.blocks import Block, blocks_of
from sessions_app.stt.media import length_of
from sessions_app.stt.segmenting import phrases, utterances
from sessions_app.stt.speakers import roles_of

if TYPE_CHECKING:
    from google.cloud import speech_v1

ENGINE = "google"

FRAME_BYTES = 12_800
BYTES_PER_SECOND = SAMPLE_RATE * 2
STREAM_S = 270.0
# From here on a stream is exchanged at the first pause, so that no word is cut in two.
STREAM_PAUSE_S = 240.0
CALL_TIMEOUT_S = 300.0
FINISH_TIMEOUT_S = 15.0
# Voices this far behind the last word heard mean that the answer was cut off.
UNHEARD_S = 10.0
MEDICAL_MODEL = "medical_conversation"
GENERAL_MODEL = "latest_long"
MEDICAL_LANGUAGE = "en-US"
_LABELS = {"provider": DOCTOR, "patient": PATIENT}
_LOOPBACK = ("127.0.0.1:", "localhost:", "[::1]:")


@dataclass(frozen=True, slots=True)
class TaggedWord:
    """A word and the voice the service gave it: a number that holds within one stream, or a role."""

    word: Word
    voice: str


@dataclass
class Reading:
    """What one stream has said so far. With speaker labels each result repeats all words from the stream's start."""

    offset_s: float
    words: list[TaggedWord] = field(default_factory=list)
    heard_until: float = 0.0

    def take(self, result: Any) -> list[TaggedWord]:
        """Take a final result and return the words that are new in it."""
        alternative = result.alternatives[0]
        ends = self.offset_s + _seconds(result.result_end_time)
        told = [_tagged(info, self.offset_s, alternative.confidence) for info in alternative.words]
        if not told:
            told = _spread(alternative, start=max(self.heard_until, self.offset_s), end=ends)
        is_repeat = bool(self.words) and told[0].word.start < self.words[-1].word.start if told else False
        fresh = told[len(self.words) :] if is_repeat else told
        self.words = told if is_repeat else self.words + told
        self.heard_until = max(ends, self.words[-1].word.end if self.words else 0.0)
        return fresh


class GoogleTranscriber:
    """Have recordings read by Google; only with the patient's consent (see get_transcriber)."""

    engine = ENGINE

    def __init__(self, *, location: str = "global", endpoint: str = "", model: str = "") -> None:
        self._location = location
        self._endpoint = endpoint
        self._chosen_model = model
        self._client: speech_v1.SpeechClient | None = None
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        return self._chosen_model or "default"

    def transcribe(
        self, source: AudioSource, *, language: str, hints: Hints = NO_HINTS, progress: Progress | None = None
    ) -> Transcript:
        """Stream a finished recording, one stream for each four minutes; silent stretches are not sent.

        Raises SpeechError.
        """
        expected = length_of(source)
        spoken: list[tuple[str, list[Word]]] = []
        duration = 0.0
        for block in blocks_of(source, aim_s=STREAM_PAUSE_S, limit_s=STREAM_S):
            duration = block.end_s
            if block.regions:
                spoken += self._read(block, language)
            if progress and expected:
                progress(min(1.0, duration / expected))
        if progress:
            progress(1.0)
        return Transcript(
            segments=tuple(utterances(spoken)),
            engine=ENGINE,
            model=self._model_for(language),
            language=language,
            duration_s=duration,
        )

    def prepare(self, source: Iterable[bytes], *, language: str, hints: Hints = NO_HINTS) -> None:
        """Do nothing: the service is fast, and would be paid twice."""

    def open_live(
        self, *, language: str, hints: Hints = NO_HINTS, start_s: float = 0.0, first_id: int = 1
    ) -> GoogleLive:
        """Open a live stream; raises SpeechError."""
        return GoogleLive(self, language=language, start_s=start_s, first_id=first_id)

    def responses(self, frames: Iterable[bytes], *, language: str, interim: bool) -> Iterator[Any]:
        """Send frames of PCM and yield the service's results. Raises SpeechError."""
        from google.cloud import speech_v1

        requests = (speech_v1.StreamingRecognizeRequest(audio_content=frame) for frame in frames)
        with _as_speech_errors():
            answers = self._connected().streaming_recognize(
                self._config(language, interim=interim),
                requests,  # type: ignore[arg-type]  # the client's helper puts the config before the requests
                retry=None,  # type: ignore[misc]
                timeout=CALL_TIMEOUT_S,
            )
            for answer in answers:
                if answer.error.code:
                    raise SpeechError("The speech service reported a failure.", transient=True)
                yield from (result for result in answer.results if result.alternatives)

    def _read(self, block: Block, language: str) -> list[tuple[str, list[Word]]]:
        reading = Reading(block.start_s)
        for result in self.responses(_frames(_pcm(block)), language=language, interim=False):
            if result.is_final:
                reading.take(result)
        if block.regions[-1].end - max(reading.heard_until, block.start_s) > UNHEARD_S:
            raise SpeechError("The speech service stopped before the end of the recording.", transient=True)
        return attributed(reading.words)

    def _model_for(self, language: str) -> str:
        return self._chosen_model or (MEDICAL_MODEL if language == MEDICAL_LANGUAGE else GENERAL_MODEL)

    def _config(self, language: str, *, interim: bool) -> speech_v1.StreamingRecognitionConfig:
        from google.cloud import speech_v1

        model = self._model_for(language)
        config = speech_v1.RecognitionConfig(
            encoding=speech_v1.RecognitionConfig.AudioEncoding.LINEAR16,
            sample_rate_hertz=SAMPLE_RATE,
            language_code=language,
            model=model,
            enable_automatic_punctuation=True,
            enable_word_time_offsets=True,
            enable_word_confidence=True,
        )
        # The medical model labels provider and patient by itself.
        if model != MEDICAL_MODEL:
            config.diarization_config = speech_v1.SpeakerDiarizationConfig(
                enable_speaker_diarization=True, min_speaker_count=2, max_speaker_count=2
            )
        return speech_v1.StreamingRecognitionConfig(config=config, interim_results=interim)

    def _connected(self) -> speech_v1.SpeechClient:
        from google.cloud import speech_v1

        with self._lock:
            if self._client is None:
                if self._endpoint.startswith(_LOOPBACK):
                    self._client = speech_v1.SpeechClient(transport=_plain_transport(self._endpoint))
                else:
                    self._client = speech_v1.SpeechClient(client_options=self._options())
            return self._client

    def _options(self) -> dict[str, str]:
        if self._endpoint:
            return {"api_endpoint": self._endpoint}
        if self._location in {"", "global"}:
            return {}
        return {"api_endpoint": f"{self._location}-speech.googleapis.com"}


class GoogleLive:
    """One live stream, carried on over as many of the service's streams as it takes."""

    def __init__(self, transcriber: GoogleTranscriber, *, language: str, start_s: float, first_id: int) -> None:
        self.step_s = 0.0  # the service sets its own pace
        self._transcriber = transcriber
        self._language = language
        self._next_id = first_id
        self._now_s = start_s
        self._unsettled = bytearray()
        self._unsettled_from_s = start_s
        self._open()

    def feed(self, pcm: bytes) -> list[LiveEvent]:
        """Send samples on and return what the service said meanwhile. Raises SpeechError."""
        self._now_s += len(pcm) / BYTES_PER_SECOND
        self._unsettled += pcm
        for frame in _frames(pcm):
            self._outgoing.put(frame)
        events = self._drain()
        if self._is_old(has_pause=any(event.segment.is_final for event in events)):
            self._exchange()
        return events

    def finish(self) -> list[LiveEvent]:
        """End the stream and wait for its last words, 15 s at most. Raises SpeechError."""
        events: list[LiveEvent] = []
        while True:
            ending = self._thread
            self._outgoing.put(None)
            ending.join(FINISH_TIMEOUT_S)
            if ending.is_alive():
                raise SpeechError("The speech service did not answer in time.", transient=True)
            events += self._drain()
            if self._thread is ending:
                return events

    def _open(self) -> None:
        self._reading = Reading(self._unsettled_from_s)
        self._opened_at = time.monotonic()
        self._outgoing: queue.Queue[bytes | None] = queue.Queue()
        self._incoming: queue.Queue[Any] = queue.Queue()
        for frame in _frames(bytes(self._unsettled)):
            self._outgoing.put(frame)
        self._thread = threading.Thread(
            target=_pump,
            args=(self._transcriber, self._language, self._outgoing, self._incoming),
            name="google-speech",
            daemon=True,
        )
        self._thread.start()

    def _is_old(self, *, has_pause: bool) -> bool:
        age = max(time.monotonic() - self._opened_at, self._now_s - self._reading.offset_s)
        return age > STREAM_S or (has_pause and age > STREAM_PAUSE_S)

    def _exchange(self) -> None:
        """Go on in a new stream, which hears again what the old one had not settled."""
        self._outgoing.put(None)
        self._open()

    def _drain(self) -> list[LiveEvent]:
        events: list[LiveEvent] = []
        while not self._incoming.empty():
            found = self._incoming.get()
            if isinstance(found, StreamAged) and self._reading.words:
                self._exchange()
                break
            if isinstance(found, SpeechError):
                self._outgoing.put(None)  # lets the client's sending thread end
                raise found
            events += self._event_of(found)
        return events

    def _event_of(self, result: Any) -> list[LiveEvent]:
        if result.is_final:
            return self._settle(self._reading.take(result))
        alternative = result.alternatives[0]
        text = alternative.transcript.strip()
        if not text:
            return []
        start = max(self._reading.heard_until, self._reading.offset_s)
        end = self._reading.offset_s + _seconds(result.result_end_time)
        segment = Segment(self._next_id, start, max(start, end), text, confidence=result.stability, is_final=False)
        return [LiveEvent(segment, committed=0)]

    def _settle(self, fresh: Sequence[TaggedWord]) -> list[LiveEvent]:
        self._forget_until(self._reading.heard_until)
        events = []
        for speaker, words in _phrases_by_voice(fresh, _names(self._reading.words)):
            segment = Segment.of_words(self._next_id, words, speaker=speaker)
            self._next_id += 1
            events.append(LiveEvent(segment, committed=len(words)))
        return events

    def _forget_until(self, second: float) -> None:
        surplus = int((min(second, self._now_s) - self._unsettled_from_s) * SAMPLE_RATE) * 2
        if surplus > 0:
            del self._unsettled[:surplus]
            self._unsettled_from_s += surplus / BYTES_PER_SECOND


class StreamAged(SpeechError):
    """The service ended a stream for its age; another one goes on."""


def attributed(words: Sequence[TaggedWord]) -> list[tuple[str, list[Word]]]:
    """Return (speaker, words) for each phrase of one stream, the voices named by what they say."""
    return _phrases_by_voice(words, _names(words))


def _phrases_by_voice(words: Sequence[TaggedWord], names: dict[str, str]) -> list[tuple[str, list[Word]]]:
    runs: list[tuple[str, list[Word]]] = []
    for tagged in words:
        speaker = names.get(tagged.voice, UNKNOWN)
        if not runs or runs[-1][0] != speaker:
            runs.append((speaker, []))
        runs[-1][1].append(tagged.word)
    return [(speaker, phrase) for speaker, run in runs for phrase in phrases(run)]


def _names(words: Sequence[TaggedWord]) -> dict[str, str]:
    """Map the service's voices to roles: by its own label, else by what each voice says."""
    said: dict[str, list[str]] = {}
    for tagged in words:
        said.setdefault(tagged.voice, []).append(tagged.word.text)
    if any(voice in _LABELS for voice in said):
        return _LABELS
    voices = [voice for voice in said if voice]
    return dict(zip(voices, roles_of([" ".join(said[voice]) for voice in voices]), strict=True))


def _pump(
    transcriber: GoogleTranscriber, language: str, outgoing: queue.Queue[bytes | None], incoming: queue.Queue[Any]
) -> None:
    try:
        for result in transcriber.responses(iter(outgoing.get, None), language=language, interim=True):
            incoming.put(result)
    except SpeechError as error:
        incoming.put(error)


@contextlib.contextmanager
def _as_speech_errors() -> Iterator[None]:
    """Turn what the client raises into SpeechError; the service's text is left out, it may quote the request."""
    from google.api_core import exceptions
    from google.auth import exceptions as auth

    try:
        yield
    except exceptions.OutOfRange:
        raise StreamAged("The speech service ended the stream for its age.", transient=True) from None
    except auth.GoogleAuthError as error:
        is_transient = isinstance(error, auth.TransportError)
        raise SpeechError("The speech service refused our credentials.", transient=is_transient) from None
    except exceptions.GoogleAPICallError as error:
        is_transient = isinstance(error, (exceptions.TooManyRequests, exceptions.ServerError, exceptions.Aborted))
        name = type(error).__name__
        raise SpeechError(f"The speech service failed ({name}).", transient=is_transient) from None


def _plain_transport(endpoint: str) -> Any:
    """Return an unencrypted channel: to a stand-in on this machine only."""
    import grpc
    from google.cloud.speech_v1.services.speech.transports import SpeechGrpcTransport

    return SpeechGrpcTransport(channel=grpc.insecure_channel(endpoint))


def _pcm(block: Block) -> bytes:
    return (block.audio * 32_767).astype("<i2").tobytes()


def _frames(pcm: bytes) -> Iterator[bytes]:
    for first in range(0, len(pcm), FRAME_BYTES):
        yield pcm[first : first + FRAME_BYTES]


def _seconds(offset: Any) -> float:
    return float(offset.total_seconds()) if offset else 0.0


def _tagged(info: Any, offset_s: float, confidence: float) -> TaggedWord:
    voice = info.speaker_label or (str(info.speaker_tag) if info.speaker_tag else "")
    word = Word(
        start=offset_s + _seconds(info.start_time),
        end=offset_s + _seconds(info.end_time),
        text=info.word,
        confidence=info.confidence or confidence,
    )
    return TaggedWord(word, voice)


def _spread(alternative: Any, *, start: float, end: float) -> list[TaggedWord]:
    """Share the time of a result without word times evenly among its words."""
    texts = alternative.transcript.split()
    step = max(0.0, end - start) / max(1, len(texts))
    template = Word(start, start, "", alternative.confidence)
    return [
        TaggedWord(replace(template, start=start + step * place, end=start + step * (place + 1), text=text), "")
        for place, text in enumerate(texts)
    ]

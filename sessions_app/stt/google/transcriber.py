"""The engine: which of the service's calls reads what, and who said it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

from sessions_app.stt.base import (
    NO_HINTS,
    UNKNOWN,
    AudioSource,
    Hints,
    Progress,
    Segment,
    SpeechError,
    Transcript,
    Word,
)
from sessions_app.stt.blocks import Block, blocks_of
from sessions_app.stt.google.bucket import BucketRecognition
from sessions_app.stt.google.connection import Connection
from sessions_app.stt.google.errors import FeatureRefused, StreamTooFast
from sessions_app.stt.google.live import BACKOFF_S, STREAM_PAUSE_S, STREAM_S, GoogleLive
from sessions_app.stt.google.recognition import Recognition, StreamingV1, StreamingV2, recognition_of
from sessions_app.stt.google.results import Reading, Result, TaggedWord, has_labels, phrases_by_voice, roles_in
from sessions_app.stt.google.stream import BYTES_PER_SECOND, frames_of
from sessions_app.stt.media import FULL_SCALE, length_of
from sessions_app.stt.segmenting import utterances
from sessions_app.stt.speakers import Voices, listen
from synapse.outside import calls
from synapse.outside.calls import Call

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENGINE = "google"

# Voices this far behind the last word heard mean that the answer was cut off.
UNHEARD_S = 10.0
# How much of the work on a long recording is putting it into the bucket.
UPLOAD_SHARE = 0.2

Answer = TypeVar("Answer")


class GoogleTranscriber:
    """Have recordings read by Google; only with the patient's consent (see get_transcriber)."""

    engine = ENGINE

    def __init__(
        self,
        *,
        location: str = "global",
        endpoint: str = "",
        project: str = "",
        model: str = "",
        bucket: str = "",
        storage_endpoint: str = "",
    ) -> None:
        self._chosen_model = model
        connection = Connection(location=location, endpoint=endpoint, project=project)
        self._host = connection.host
        self._v1 = StreamingV1(connection)
        self._v2 = StreamingV2(connection)
        self._bucket = (
            BucketRecognition(connection, bucket=bucket, storage_endpoint=storage_endpoint, project=project)
            if bucket
            else None
        )
        self._left_out: dict[tuple[str, str], frozenset[str]] = {}
        self._is_paced = False

    @property
    def model(self) -> str:
        """Return the model set; without one it depends on the language, and the transcript says which it was."""
        return self._chosen_model or "by language"

    def transcribe(
        self, source: AudioSource, *, language: str, hints: Hints = NO_HINTS, progress: Progress | None = None
    ) -> Transcript:
        """Read a finished recording: a long one from the bucket where there is one, else in streams of four minutes.

        Silent stretches are not streamed. Raises SpeechError.
        """
        recognition = recognition_of(self._chosen_model, language, hints.vocabulary)
        show = progress or _ignore
        blocks = blocks_of(source, aim_s=STREAM_PAUSE_S, limit_s=STREAM_S)
        first = list(islice(blocks, 2))
        voices = Voices(doctor_voice=hints.doctor_voice)
        if self._bucket is not None and len(first) > 1 and not recognition.is_medical:
            segments, duration_s = self._read_from_bucket(self._bucket, chain(first, blocks), recognition, voices, show)
        else:
            segments, duration_s = self._read_in_streams(
                chain(first, blocks), recognition, voices, show, expected_s=length_of(source)
            )
        show(1.0)
        return Transcript(
            segments=tuple(segments), engine=ENGINE, model=recognition.model, language=language, duration_s=duration_s
        )

    def prepare(self, source: Iterable[bytes], *, language: str, hints: Hints = NO_HINTS) -> None:
        """Do nothing: the service is fast, and would be paid twice."""

    def open_live(
        self, *, language: str, hints: Hints = NO_HINTS, start_s: float = 0.0, first_id: int = 1
    ) -> GoogleLive:
        """Open a live session; raises SpeechError."""
        recognition = recognition_of(self._chosen_model, language, hints.vocabulary)
        # One row a live session: its streams are exchanged every few minutes, in threads that know no errand.
        call = self._begin(recognition)
        return GoogleLive(
            lambda frames: self._results(frames, recognition, call, interim=True),
            call=call,
            start_s=start_s,
            first_id=first_id,
            doctor_voice=hints.doctor_voice,
        )

    def _read_in_streams(
        self,
        blocks: Iterable[Block],
        recognition: Recognition,
        voices: Voices,
        progress: Progress,
        *,
        expected_s: float | None,
    ) -> tuple[list[Segment], float]:
        readings: list[list[TaggedWord]] = []
        duration_s = 0.0
        for block in blocks:
            duration_s = block.end_s
            if block.regions:
                words = _retried(partial(self._read, block, recognition))
                if not has_labels(words):
                    voices.add(listen(_speech_of(block)))
                readings.append(words)
            if expected_s:
                progress(min(1.0, duration_s / expected_s))
        return _segments(readings, voices), duration_s

    def _read_from_bucket(
        self,
        bucket: BucketRecognition,
        blocks: Iterable[Block],
        recognition: Recognition,
        voices: Voices,
        progress: Progress,
    ) -> tuple[list[Segment], float]:
        heard = [0.0, 0.0]  # where the recording and its last voice end, in seconds

        def pcm() -> Iterator[bytes]:
            for block in blocks:
                voices.add(listen(_speech_of(block)))
                heard[:] = block.end_s, block.regions[-1].end if block.regions else heard[1]
                yield _pcm(block)

        def results() -> list[Result]:
            with self._refusals_noted(recognition) as wanted:
                return bucket.results(uri, wanted, progress=lambda done: progress(UPLOAD_SHARE * (1 - done) + done))

        reading = Reading(0.0)
        with self._called(recognition) as call, bucket.plain_copy(map(call.sent, pcm())) as uri:
            for result in _retried(results):
                call.received(len(result.text.encode()))
                reading.take(result)
        _check_heard(reading, heard[1])
        return _segments([reading.words], voices), heard[0]

    def _read(self, block: Block, recognition: Recognition) -> list[TaggedWord]:
        reading = Reading(block.start_s)
        with self._called(recognition) as call:
            frames = self._at_pace(frames_of(_pcm(block)))
            for result in self._results(frames, recognition, call, interim=False):
                if result.is_final:
                    reading.take(result)
        _check_heard(reading, block.regions[-1].end)
        return reading.words

    def _results(
        self, frames: Iterable[bytes], recognition: Recognition, call: Call, *, interim: bool
    ) -> Iterator[Result]:
        streaming = self._v1 if recognition.is_medical else self._v2
        with self._refusals_noted(recognition) as wanted:
            for result in streaming.results(map(call.sent, frames), wanted, interim=interim):
                call.received(len(result.text.encode()))
                yield result

    def _begin(self, recognition: Recognition) -> Call:
        """Write down that sound is about to leave; the words it is likely to hold go with it. Raises SpeechError."""
        try:
            call = calls.begin(engine=ENGINE, model=recognition.model, host=self._host)
        except calls.NotAgreed:
            raise SpeechError("The patient does not agree to a speech service outside.", transient=True) from None
        call.sent("\n".join(recognition.phrases).encode())
        return call

    @contextmanager
    def _called(self, recognition: Recognition) -> Iterator[Call]:
        call = self._begin(recognition)
        is_answered = False
        try:
            yield call
            is_answered = True
        finally:
            call.end(is_answered=is_answered)

    @contextmanager
    def _refusals_noted(self, recognition: Recognition) -> Iterator[Recognition]:
        """Yield what to ask without what was refused before, and remember what is refused now.

        Which features a model has differs by place and language and is documented in part only.
        """
        key = (recognition.model, recognition.language)
        wanted = recognition.without(self._left_out.get(key, ()))
        try:
            yield wanted
        except FeatureRefused as refused:
            if refused.features <= wanted.left_out:
                raise SpeechError("The speech service refused the request.", transient=False) from None
            self._left_out[key] = wanted.left_out | refused.features
            raise
        except StreamTooFast:
            self._is_paced = True
            raise

    def _at_pace(self, frames: Iterator[bytes]) -> Iterator[bytes]:
        """Yield frames as fast as the service takes them, at the pace they were spoken once it asked for that."""
        for frame in frames:
            yield frame
            if self._is_paced:
                time.sleep(len(frame) / BYTES_PER_SECOND)


def _retried(call: Callable[[], Answer]) -> Answer:
    """Return what a call gives, trying again after failures that may pass."""
    for wait_s in BACKOFF_S:
        try:
            return call()
        except (FeatureRefused, StreamTooFast):
            continue
        except SpeechError as error:
            if not error.transient:
                raise
            time.sleep(wait_s)
    return call()


def _segments(readings: Sequence[Sequence[TaggedWord]], voices: Voices) -> list[Segment]:
    """Cut what was read into segments; where the service labels no voices they are told apart by their sound."""
    if not any(has_labels(words) for words in readings):
        return voices.attribute([tagged.word for words in readings for tagged in words])
    speakers: dict[str, str] = {}
    spoken: list[tuple[str, list[Word]]] = []
    for place, words in enumerate(readings):
        roles = roles_in(words)
        for voice, phrase in phrases_by_voice(words):
            speaker = roles.get(voice, UNKNOWN)
            # Labels begin anew with each stream: only a role says that two of them are one person.
            person = f"{place} {voice}" if speaker == UNKNOWN else speaker
            speakers[person] = speaker
            spoken.append((person, phrase))
    numbers = {person: number for number, person in enumerate(speakers, start=1)}
    is_numbered = len(readings) == 1 or UNKNOWN not in speakers.values()
    return [
        replace(segment, speaker=speakers[segment.speaker], voice=numbers[segment.speaker] if is_numbered else 0)
        for segment in utterances(spoken)
    ]


def _check_heard(reading: Reading, last_voice_s: float) -> None:
    if last_voice_s - reading.heard_until_s > UNHEARD_S:
        raise SpeechError("The speech service stopped before the end of the recording.", transient=True)


def _speech_of(block: Block) -> Iterator[tuple[float, NDArray[np.float32]]]:
    return ((region.start, block.cut(region)) for region in block.regions)


def _pcm(block: Block) -> bytes:
    return (block.audio * FULL_SCALE).astype("<i2").tobytes()


def _ignore(_done: float) -> None:
    """Take a progress nobody asked for."""

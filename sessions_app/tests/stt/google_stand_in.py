"""A speech server on this machine with Google's limits: config first, 25,600 bytes a message, a stream's age."""

from __future__ import annotations

import time
from concurrent import futures
from dataclasses import dataclass, field

import grpc
from google.cloud.speech_v1.types import cloud_speech as api

BYTES_PER_SECOND = 32_000
METHOD = "StreamingRecognize"


@dataclass(frozen=True)
class Line:
    """Something said once `at` seconds of audio of a stream have come in."""

    at: float
    text: str
    is_final: bool = True
    voice: int = 0
    label: str = ""
    start: float = 0.0


@dataclass
class Script:
    """What the server answers. `failures` are raised one stream after the other before it works."""

    lines: list[Line] = field(default_factory=list)
    failures: list[grpc.StatusCode] = field(default_factory=list)
    fail_after_s: float = 0.0
    oldest_s: float = 300.0
    delay_s: float = 0.0
    is_garbage: bool = False
    cut_after_lines: int | None = None
    repeats_words: bool = False
    configs: list = field(default_factory=list)
    sizes: list = field(default_factory=list)
    streams: int = 0
    audio_bytes: list = field(default_factory=list)


class StandIn:
    """Serve a script on a free port of the loopback address."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        handler = grpc.stream_stream_rpc_method_handler(
            self._answer,
            request_deserializer=api.StreamingRecognizeRequest.deserialize,
            response_serializer=self._serialize,
        )
        service = grpc.method_handlers_generic_handler("google.cloud.speech.v1.Speech", {METHOD: handler})
        self._server.add_generic_rpc_handlers((service,))
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait()

    def _serialize(self, response) -> bytes:
        return (
            b"\xff\xff\xff not a message"
            if self.script.is_garbage
            else api.StreamingRecognizeResponse.serialize(response)
        )

    def _answer(self, requests, context):
        script = self.script
        script.streams += 1
        failure = script.failures.pop(0) if script.failures else None
        opened_at = time.monotonic()
        heard = said = 0
        words = []
        script.audio_bytes.append(0)
        stream = len(script.audio_bytes) - 1
        for place, request in enumerate(requests):
            if place == 0:
                if "streaming_config" not in request:
                    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the config comes first")
                script.configs.append(request.streaming_config)
                continue
            size = len(request.audio_content)
            script.sizes.append(size)
            script.audio_bytes[stream] += size
            heard += size
            if size > 25_600:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Audio chunk can be of a maximum of 25600 bytes.")
            if time.monotonic() - opened_at > script.oldest_s:
                context.abort(grpc.StatusCode.OUT_OF_RANGE, "Exceeded maximum allowed stream duration.")
            if failure is not None and heard / BYTES_PER_SECOND >= script.fail_after_s:
                context.abort(failure, "quoting: my secret words")
            time.sleep(script.delay_s)
            while said < len(script.lines) and heard / BYTES_PER_SECOND >= script.lines[said].at:
                if script.cut_after_lines is not None and said >= script.cut_after_lines:
                    return
                line = script.lines[said]
                said += 1
                yield self._response(line, words)

    def _response(self, line, words):
        alternative = api.SpeechRecognitionAlternative(transcript=line.text, confidence=0.91 if line.is_final else 0)
        if line.is_final:
            texts = line.text.split()
            step = (line.at - line.start) / len(texts)
            fresh = [
                api.WordInfo(
                    word=text,
                    start_time=_duration(line.start + step * place),
                    end_time=_duration(line.start + step * (place + 1)),
                    speaker_tag=line.voice,
                    speaker_label=line.label,
                    confidence=0.9,
                )
                for place, text in enumerate(texts)
            ]
            words += fresh
            alternative.words = list(words) if self.script.repeats_words else fresh
        result = api.StreamingRecognitionResult(
            alternatives=[alternative],
            is_final=line.is_final,
            stability=0 if line.is_final else 0.8,
            result_end_time=_duration(line.at),
        )
        return api.StreamingRecognizeResponse(results=[result])


def _duration(seconds: float) -> dict[str, int]:
    return {"seconds": int(seconds), "nanos": int(seconds % 1 * 1e9)}

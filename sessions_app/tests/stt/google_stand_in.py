"""Google's speech service on this machine, both versions, with the limits it documents."""

from __future__ import annotations

import re
import threading
import time
from concurrent import futures

import grpc
from google.cloud.speech_v1.types import cloud_speech as v1
from google.cloud.speech_v2.types import cloud_speech as v2
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from sessions_app.tests.stt.google_ear import BYTES_PER_SECOND, Ear, Script

V1_MESSAGE_BYTES = 25_600
V2_MESSAGE_BYTES = 15 * 1024
RECOGNIZER = re.compile(r"projects/[\w-]+/locations/[\w-]+/recognizers/_")
Status = grpc.StatusCode


class StandIn:
    """Serve a script on a free port of the loopback address."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.heard = threading.Condition()
        self._heard_until = 0
        self._operations: dict[str, list] = {}
        self._server = grpc.server(futures.ThreadPoolExecutor(16))
        for name, api, version in (
            ("google.cloud.speech.v1.Speech", v1, V1),
            ("google.cloud.speech.v2.Speech", v2, V2),
        ):
            handlers = {"StreamingRecognize": self._streaming(api, version())}
            if api is v2:
                handlers["BatchRecognize"] = grpc.unary_unary_rpc_method_handler(
                    self._start_batch,
                    request_deserializer=v2.BatchRecognizeRequest.deserialize,
                    response_serializer=operations_pb2.Operation.SerializeToString,
                )
            self._serve(name, handlers)
        self._serve(
            "google.longrunning.Operations",
            {
                "GetOperation": grpc.unary_unary_rpc_method_handler(
                    self._poll,
                    request_deserializer=operations_pb2.GetOperationRequest.FromString,
                    response_serializer=operations_pb2.Operation.SerializeToString,
                ),
                "CancelOperation": grpc.unary_unary_rpc_method_handler(
                    lambda request, context: empty_pb2.Empty(),
                    request_deserializer=operations_pb2.CancelOperationRequest.FromString,
                    response_serializer=empty_pb2.Empty.SerializeToString,
                ),
            },
        )
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait()

    def wait_until_heard(self, second: float) -> None:
        """Wait until some stream has heard the recording up to here; a tenth of a second at most."""
        with self.heard:
            self.heard.wait_for(lambda: self._heard_until >= int(second * BYTES_PER_SECOND), timeout=0.1)

    def _serve(self, name, handlers):
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))

    def _streaming(self, api, version):
        def serialize(response):
            if self.script.is_garbage:
                return b"\xff\xff\xff not a message"
            return api.StreamingRecognizeResponse.serialize(response)

        return grpc.stream_stream_rpc_method_handler(
            lambda requests, context: self._answer(requests, context, version),
            request_deserializer=api.StreamingRecognizeRequest.deserialize,
            response_serializer=serialize,
        )

    def _answer(self, requests, context, version):
        script = self.script
        failure = script.failures.pop(0) if script.failures else None
        opened_at = time.monotonic()
        script.audio_bytes.append(0)
        number = len(script.audio_bytes)
        ear = Ear(script)
        is_configured = False
        for request in requests:
            if not is_configured:
                ear.is_labelled = "diarization_config" in self._check_config(request, context, version)
                is_configured = True
                continue
            pcm = version.audio(request)
            script.sizes.append(len(pcm))
            script.audio_bytes[number - 1] += len(pcm)
            ear.hear(pcm)
            with self.heard:
                self._heard_until = max(self._heard_until, ear.until_bytes)
                self.heard.notify_all()
            if len(pcm) > version.message_bytes:
                context.abort(
                    Status.INVALID_ARGUMENT,
                    f"Audio chunk can be of a a maximum of 25600 bytes. Received audio of {len(pcm)} bytes instead.",
                )
            # The sound a stream has heard stands for its age, so that no test waits five minutes.
            if max(time.monotonic() - opened_at, ear.length_s) > script.oldest_s:
                context.abort(*version.too_old)
            elapsed = time.monotonic() - opened_at
            if script.fastest is not None and ear.length_s > 0.5 + elapsed * script.fastest:
                context.abort(
                    Status.OUT_OF_RANGE,
                    "Audio data is being streamed too fast. Please stream audio data approximately at real time.",
                )
            if failure is not None and ear.length_s >= script.fail_after_s:
                context.abort(failure, "quoting: my secret words")
            time.sleep(script.delay_s)
            for result in ear.results():
                yield version.response(result)
            if script.goes_deaf_after is not None and ear.finals >= script.goes_deaf_after:
                return
        if failure is not None:
            context.abort(failure, "quoting: my secret words")
        for result in ear.last_results():
            yield version.response(result)

    def _check_config(self, request, context, version):
        if "streaming_config" not in request:
            context.abort(Status.INVALID_ARGUMENT, "The first message must contain a streaming_config.")
        self.script.configs.append(request.streaming_config)
        if message := version.problem(request):
            context.abort(Status.INVALID_ARGUMENT, message)
        if isinstance(version, V2):
            self.script.recognizers.append(request.recognizer)
        return self._check_features(version.asked_for(request.streaming_config.config), context)

    def _check_features(self, asked_for, context):
        for feature in self.script.refused:
            if feature in asked_for:
                violation = error_details_pb2.BadRequest.FieldViolation(
                    field=f"features.{feature}", description=f"Recognizer does not support feature: {feature}"
                )
                detail = any_pb2.Any()
                detail.Pack(error_details_pb2.BadRequest(field_violations=[violation]))
                context.abort_with_status(
                    rpc_status.to_status(
                        status_pb2.Status(code=3, message="Config contains unsupported fields.", details=[detail])
                    )
                )
        return asked_for

    def _start_batch(self, request, context):
        script = self.script
        if not RECOGNIZER.fullmatch(request.recognizer):
            context.abort(Status.INVALID_ARGUMENT, "Invalid resource field value in the request.")
        if script.failures:
            context.abort(script.failures.pop(0), "quoting: my secret words")
        asked_for = self._check_features(V2().asked_for(request.config), context)
        script.configs.append(request.config)
        uri = request.files[0].uri
        script.uris.append(uri)
        ear = Ear(script)
        ear.is_labelled = "diarization_config" in asked_for
        ear.hear(script.fetch(uri))
        results = [V2().batch_result(result) for result in ear.last_results()]
        name = f"operations/{len(script.uris)}"
        self._operations[name] = [script.polls, uri, results]
        return operations_pb2.Operation(name=name, done=False)

    def _poll(self, request, context):
        operation = self._operations[request.name]
        operation[0] -= 1
        left, uri, results = operation
        metadata = any_pb2.Any()
        metadata.Pack(v2.OperationMetadata.pb(v2.OperationMetadata(progress_percent=max(0, 100 - 25 * left))))
        if left > 0:
            return operations_pb2.Operation(name=request.name, done=False, metadata=metadata)
        answer = v2.BatchRecognizeResponse(
            results={
                uri: v2.BatchRecognizeFileResult(
                    inline_result=v2.InlineResult(transcript=v2.BatchRecognizeResults(results=results))
                )
            }
        )
        packed = any_pb2.Any()
        packed.Pack(v2.BatchRecognizeResponse.pb(answer))
        return operations_pb2.Operation(name=request.name, done=True, metadata=metadata, response=packed)


class V1:
    message_bytes = V1_MESSAGE_BYTES
    too_old = (Status.OUT_OF_RANGE, "Exceeded maximum allowed stream duration of 305 seconds.")

    def audio(self, request):
        return request.audio_content

    def problem(self, request):
        config = request.streaming_config.config
        if config.encoding != v1.RecognitionConfig.AudioEncoding.LINEAR16 or config.sample_rate_hertz != 16_000:
            return "Invalid recognition 'config': bad encoding."
        if config.model.startswith("medical") and config.language_code != "en-US":
            return "Invalid recognition 'config': the model is not available for this language."
        if config.model.startswith("medical") and config.diarization_config.enable_speaker_diarization:
            return "Invalid recognition 'config': the model labels speakers by itself."
        return ""

    def asked_for(self, config):
        return {"speech_contexts"} if config.speech_contexts else set()

    def response(self, result):
        alternative = v1.SpeechRecognitionAlternative(transcript=result.text, confidence=0.91 if result.is_final else 0)
        if result.is_final:
            alternative.words = [
                v1.WordInfo(
                    word=word.text,
                    start_time=_duration(word.start),
                    end_time=_duration(word.end),
                    speaker_tag=word.voice,
                    speaker_label=word.label,
                    confidence=0.9,
                )
                for word in result.words
            ]
        return v1.StreamingRecognizeResponse(
            results=[
                v1.StreamingRecognitionResult(
                    alternatives=[alternative],
                    is_final=result.is_final,
                    stability=0 if result.is_final else 0.8,
                    result_end_time=_duration(result.ends),
                )
            ]
        )


class V2:
    message_bytes = V2_MESSAGE_BYTES
    too_old = (Status.ABORTED, "Max duration of 5 minutes reached for stream.")

    def audio(self, request):
        return request.audio

    def problem(self, request):
        config = request.streaming_config.config
        if not RECOGNIZER.fullmatch(request.recognizer):
            return "Invalid resource field value in the request."
        if request.audio:
            return "The first message must not contain audio."
        if config.explicit_decoding_config.sample_rate_hertz != 16_000:
            return "Audio encoding is missing."
        if config.model.startswith("medical") or len(config.language_codes) != 1:
            return "The model does not exist in the location."
        return ""

    def asked_for(self, config):
        features = config.features
        wanted = {
            "diarization_config": "diarization_config" in features,
            "enable_word_confidence": features.enable_word_confidence,
            "enable_automatic_punctuation": features.enable_automatic_punctuation,
            "adaptation": bool(config.adaptation.phrase_sets),
        }
        return {name for name, is_wanted in wanted.items() if is_wanted}

    def response(self, result):
        return v2.StreamingRecognizeResponse(
            results=[
                v2.StreamingRecognitionResult(
                    alternatives=[self._alternative(result)],
                    is_final=result.is_final,
                    stability=0 if result.is_final else 0.8,
                    result_end_offset=_duration(result.ends),
                )
            ]
        )

    def batch_result(self, result):
        return v2.SpeechRecognitionResult(
            alternatives=[self._alternative(result)], result_end_offset=_duration(result.ends)
        )

    def _alternative(self, result):
        alternative = v2.SpeechRecognitionAlternative(transcript=result.text, confidence=0.91 if result.is_final else 0)
        if result.is_final:
            alternative.words = [
                v2.WordInfo(
                    word=word.text,
                    start_offset=_duration(word.start),
                    end_offset=_duration(word.end),
                    speaker_label=str(word.voice) if word.voice else "",
                    confidence=0.9,
                )
                for word in result.words
            ]
        return alternative


def _duration(seconds: float) -> dict[str, int]:
    return {"seconds": int(seconds), "nanos": round(seconds % 1 * 1e9) % 10**9}

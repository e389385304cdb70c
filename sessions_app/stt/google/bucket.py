"""Have a long recording read from the clinic's bucket.

What is stored there is encrypted by us, so the service cannot read it: the sound is put there once more in plain, under
a random name, for as long as the reading takes. A lifecycle rule on PREFIX deletes what a killed process left behind.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from sessions_app.stt.base import Progress, SpeechError
from sessions_app.stt.google.connection import Connection
from sessions_app.stt.google.errors import as_speech_errors
from sessions_app.stt.google.recognition import Recognition, config_v2, result_v2
from sessions_app.stt.google.results import Result

if TYPE_CHECKING:
    from google.api_core.operation import Operation
    from google.cloud import storage
    from google.cloud.storage import Blob

logger = logging.getLogger(__name__)

PREFIX = "recognition/"
UPLOAD_CHUNK = 4 * 1024 * 1024
STORAGE_TIMEOUT_S = (5, 30)
CALL_TIMEOUT_S = 60.0
POLL_S = 2.0
# Three hours are read in minutes; after this the service is taken to be away.
LONGEST_S = 3600.0


class BucketRecognition:
    """Read recordings of up to eight hours with one call."""

    def __init__(self, connection: Connection, *, bucket: str, storage_endpoint: str = "", project: str = "") -> None:
        self._connection = connection
        self._bucket_name = bucket
        self._storage_endpoint = storage_endpoint
        self._project = project

    @contextmanager
    def plain_copy(self, pcm: Iterable[bytes]) -> Iterator[str]:
        """Put PCM16 16 kHz mono into the bucket and yield its address; it is deleted in any case. Raises SpeechError."""
        with _as_storage_errors():
            client = self._client()
        blob = client.bucket(self._bucket_name).blob(PREFIX + uuid4().hex)
        try:
            _upload(blob, pcm)
            yield f"gs://{self._bucket_name}/{blob.name}"
        finally:
            _delete(blob)
            client.close()

    def results(self, uri: str, recognition: Recognition, *, progress: Progress) -> list[Result]:
        """Return what is said in a plain copy, calling `progress` with 0 to 1 on the way. Raises SpeechError."""
        with as_speech_errors():
            operation = self._start(uri, recognition)
            _wait(operation, progress)
            answer = operation.result(timeout=CALL_TIMEOUT_S).results[uri]  # type: ignore[no-untyped-call]
        if answer.error.code:
            raise SpeechError("The speech service could not read the recording.", transient=True)
        return [result_v2(raw, is_final=True) for raw in answer.inline_result.transcript.results if raw.alternatives]

    def _start(self, uri: str, recognition: Recognition) -> Operation:
        from google.cloud import speech_v2

        request = speech_v2.BatchRecognizeRequest(
            recognizer=self._connection.recognizer(),
            config=config_v2(recognition),
            files=[speech_v2.BatchRecognizeFileMetadata(uri=uri)],
            recognition_output_config=speech_v2.RecognitionOutputConfig(
                inline_response_config=speech_v2.InlineOutputConfig()
            ),
        )
        return self._connection.v2().batch_recognize(request=request, timeout=CALL_TIMEOUT_S)

    def _client(self) -> storage.Client:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        if self._storage_endpoint:
            return storage.Client(
                project=self._project or "emulator",
                credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
                client_options={"api_endpoint": self._storage_endpoint},
            )
        return storage.Client(project=self._project or None)


def _upload(blob: Blob, pcm: Iterable[bytes]) -> None:
    with _as_storage_errors():
        writer = blob.open(
            "wb", chunk_size=UPLOAD_CHUNK, content_type="application/octet-stream", timeout=STORAGE_TIMEOUT_S
        )
    try:
        for piece in pcm:
            with _as_storage_errors():
                writer.write(piece)
        with _as_storage_errors():
            writer.close()
    except BaseException:
        # A writer left open is closed with its last reference, and closing completes the upload: after the deletion.
        with suppress(Exception):
            writer.terminate()
        raise


def _delete(blob: Blob) -> None:
    from google.api_core.exceptions import NotFound

    try:
        blob.delete(timeout=STORAGE_TIMEOUT_S)
    except NotFound:
        return
    except Exception as error:  # noqa: BLE001  the words are there; the lifecycle rule deletes what stays
        logger.error("the plain copy %s could not be deleted: %s", blob.name, type(error).__name__)


def _wait(operation: Operation, progress: Progress) -> None:
    deadline = time.monotonic() + LONGEST_S
    while not operation.done():  # type: ignore[no-untyped-call]
        if time.monotonic() > deadline:
            operation.cancel()  # type: ignore[no-untyped-call]
            raise SpeechError("The speech service did not finish in time.", transient=True)
        progress((operation.metadata.progress_percent if operation.metadata else 0) / 100)
        time.sleep(POLL_S)


@contextmanager
def _as_storage_errors() -> Iterator[None]:
    """Turn what the storage client raises into SpeechError; cut connections come in many types."""
    from google.api_core import exceptions
    from google.auth import exceptions as auth

    try:
        yield
    except (exceptions.ClientError, auth.DefaultCredentialsError, auth.RefreshError) as error:
        is_transient = isinstance(error, exceptions.TooManyRequests)
        raise SpeechError("The bucket refused the recording.", transient=is_transient) from None
    except Exception as error:  # noqa: BLE001
        raise SpeechError(f"The bucket failed ({type(error).__name__}).", transient=True) from None

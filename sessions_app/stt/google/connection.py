"""Clients of the service's two versions, made once; a stand-in on this machine is reached without encryption."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.cloud import speech_v1, speech_v2

from sessions_app.stt.base import SpeechError

GLOBAL = "global"
_LOOPBACK = ("127.0.0.1:", "localhost:", "[::1]:")


class Connection:
    """Where the service is and in whose project it is called."""

    def __init__(self, *, location: str = GLOBAL, endpoint: str = "", project: str = "") -> None:
        self._location = location or GLOBAL
        self._endpoint = endpoint
        self._project = project
        self._v1: speech_v1.SpeechClient | None = None
        self._v2: speech_v2.SpeechClient | None = None
        self._lock = threading.Lock()

    @property
    def is_stand_in(self) -> bool:
        return self._endpoint.startswith(_LOOPBACK)

    @property
    def host(self) -> str:
        """Return the machine that sound is sent to."""
        return self._endpoint or host_of(self._location) or "speech.googleapis.com"

    def recognizer(self) -> str:
        """Return the path of the project's default recognizer; raises SpeechError without a project."""
        project = self._project or ("stand-in" if self.is_stand_in else "")
        if not project:
            raise SpeechError("Set GOOGLE_CLOUD_PROJECT to use Google Speech-to-Text.", transient=False)
        return f"projects/{project}/locations/{self._location}/recognizers/_"

    def v1(self) -> speech_v1.SpeechClient:
        """Return the client of version 1."""
        from google.cloud import speech_v1
        from google.cloud.speech_v1.services.speech.transports import SpeechGrpcTransport

        with self._lock:
            if self._v1 is None:
                if self.is_stand_in:
                    self._v1 = speech_v1.SpeechClient(transport=SpeechGrpcTransport(channel=self._plain_channel()))
                else:
                    self._v1 = speech_v1.SpeechClient(client_options=self._options(area_of(self._location)))
            return self._v1

    def v2(self) -> speech_v2.SpeechClient:
        """Return the client of version 2."""
        from google.cloud import speech_v2
        from google.cloud.speech_v2.services.speech.transports import SpeechGrpcTransport

        with self._lock:
            if self._v2 is None:
                if self.is_stand_in:
                    self._v2 = speech_v2.SpeechClient(transport=SpeechGrpcTransport(channel=self._plain_channel()))
                else:
                    self._v2 = speech_v2.SpeechClient(client_options=self._options(self._location))
            return self._v2

    def _plain_channel(self) -> Any:
        import grpc

        return grpc.insecure_channel(self._endpoint)

    def _options(self, location: str) -> dict[str, str]:
        endpoint = self._endpoint or host_of(location)
        return {"api_endpoint": endpoint} if endpoint else {}


def host_of(location: str) -> str:
    """Return the host of a location, empty for the global one, which is the client's default."""
    return "" if location == GLOBAL else f"{location}-speech.googleapis.com"


def area_of(location: str) -> str:
    """Return where version 1 keeps the data of a location: it has the areas eu and us, and else is global."""
    return {"eu": "eu", "europe": "eu", "us": "us"}.get(location.split("-")[0], GLOBAL)

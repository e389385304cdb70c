"""Speech engines behind one protocol; which one is a setting."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from sessions_app.stt.base import Transcriber

EMBEDDED = "embedded"
GOOGLE = "google"


def chosen_backend(*, cloud_allowed: bool = True) -> str:
    """Return which engine the settings and the patient's consent lead to.

    Without consent to cloud processing it is the embedded one, whatever the settings say. Unset means Google when its
    credentials are there.
    """
    if not cloud_allowed:
        return EMBEDDED
    if settings.STT_BACKEND:
        return str(settings.STT_BACKEND)
    has_google = settings.GOOGLE_APPLICATION_CREDENTIALS or settings.GOOGLE_STT_ENDPOINT
    return GOOGLE if has_google else EMBEDDED


def get_transcriber(*, cloud_allowed: bool) -> Transcriber:
    """Return the engine for one recording; `cloud_allowed` is whether the patient agreed to cloud processing."""
    if chosen_backend(cloud_allowed=cloud_allowed) == GOOGLE:
        return _google(
            settings.GOOGLE_STT_LOCATION,
            settings.GOOGLE_STT_ENDPOINT,
            settings.STT_MODEL,
        )
    return _embedded(settings.WHISPER_MODEL)


@cache
def _embedded(whisper_model: str) -> Transcriber:
    from sessions_app.stt.embedded import EmbeddedTranscriber

    return EmbeddedTranscriber(whisper_model=whisper_model)


@cache
def _google(location: str, endpoint: str, model: str) -> Transcriber:
    from sessions_app.stt.google import GoogleTranscriber

    return GoogleTranscriber(location=location, endpoint=endpoint, model=model)

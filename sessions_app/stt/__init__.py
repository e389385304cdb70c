"""Speech engines behind one protocol; which one is a setting."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from sessions_app.stt.languages import embedded_knows

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


def supports(language: str, *, cloud_allowed: bool) -> bool:
    """Tell whether an engine that may be used knows a language such as hi-IN; loads no model."""
    if chosen_backend(cloud_allowed=cloud_allowed) == GOOGLE:
        return True
    return embedded_knows(language, whisper_model=settings.WHISPER_MODEL)


def get_transcriber(*, cloud_allowed: bool) -> Transcriber:
    """Return the engine for one recording; `cloud_allowed` is whether the patient agreed to cloud processing.

    Behind Google stands the embedded engine, for the languages it knows.
    """
    if chosen_backend(cloud_allowed=cloud_allowed) == GOOGLE:
        return _google_or_embedded(
            location=settings.GOOGLE_STT_LOCATION,
            endpoint=settings.GOOGLE_STT_ENDPOINT,
            project=settings.GOOGLE_CLOUD_PROJECT,
            model=settings.STT_MODEL,
            bucket=settings.AUDIO_BUCKET,
            storage_endpoint=settings.STORAGE_EMULATOR_HOST,
            whisper_model=settings.WHISPER_MODEL,
        )
    return _embedded(settings.WHISPER_MODEL)


@cache
def _embedded(whisper_model: str) -> Transcriber:
    from sessions_app.stt.embedded import EmbeddedTranscriber

    return EmbeddedTranscriber(whisper_model=whisper_model)


@cache
def _google_or_embedded(*, whisper_model: str, **options: str) -> Transcriber:
    from sessions_app.stt.fallback import FallbackTranscriber
    from sessions_app.stt.google import GoogleTranscriber

    return FallbackTranscriber(
        GoogleTranscriber(**options),
        lambda: _embedded(whisper_model),
        knows=lambda language: embedded_knows(language, whisper_model=whisper_model),
    )

"""What goes wrong with the service, as SpeechError; the service's own text is left out, it may quote the request."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sessions_app.stt.base import SpeechError

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError

DIARIZATION = "diarization"
ADAPTATION = "adaptation"
PUNCTUATION = "punctuation"
WORD_CONFIDENCE = "word_confidence"
# How an answer names a feature that a model, a place or a language does not have.
_MARKS = {
    DIARIZATION: ("diarization",),
    ADAPTATION: ("adaptation", "phrase", "speech_context"),
    PUNCTUATION: ("automatic_punctuation", "automatic punctuation"),
    WORD_CONFIDENCE: ("word_confidence", "word_level_confidence", "word confidence"),
}


class StreamAged(SpeechError):
    """The service ended a stream for its age, or after hearing nothing for a while; another one goes on."""


class StreamTooFast(SpeechError):
    """The service wants the audio at the pace it was spoken."""


class FeatureRefused(SpeechError):
    """The model does not have some of the features asked for; it works without them."""

    def __init__(self, features: frozenset[str]) -> None:
        super().__init__("The speech service refused a feature.", transient=True)
        self.features = features


@contextlib.contextmanager
def as_speech_errors() -> Iterator[None]:
    """Turn what the client raises into SpeechError."""
    from google.api_core import exceptions
    from google.auth import exceptions as auth

    try:
        yield
    except auth.GoogleAuthError as error:
        is_transient = isinstance(error, auth.TransportError)
        raise SpeechError("The speech service refused our credentials.", transient=is_transient) from None
    except exceptions.GoogleAPICallError as error:
        raise _speech_error(error) from None


def _speech_error(error: GoogleAPICallError) -> SpeechError:
    from google.api_core import exceptions

    if isinstance(error, exceptions.OutOfRange) and "too fast" in str(error.message):
        return StreamTooFast("The speech service wants the audio more slowly.", transient=True)
    # Version 1 ends an old stream with OUT_OF_RANGE, version 2 with ABORTED.
    if isinstance(error, (exceptions.OutOfRange, exceptions.Aborted)):
        return StreamAged("The speech service ended the stream for its age.", transient=True)
    if isinstance(error, exceptions.InvalidArgument) and (refused := _refused_features(error)):
        return FeatureRefused(refused)
    is_transient = isinstance(error, (exceptions.TooManyRequests, exceptions.ServerError))
    is_transient = is_transient and not isinstance(error, exceptions.MethodNotImplemented)
    return SpeechError(f"The speech service failed ({type(error).__name__}).", transient=is_transient)


def _refused_features(error: Any) -> frozenset[str]:
    violations = [violation for detail in error.details for violation in getattr(detail, "field_violations", ())]
    told = [str(error.message), *(f"{violation.field} {violation.description}" for violation in violations)]
    text = " ".join(told).lower()
    return frozenset(feature for feature, marks in _MARKS.items() if any(mark in text for mark in marks))

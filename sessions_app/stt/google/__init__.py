"""Google Speech-to-Text behind the engines' protocol: version 2, and version 1 for the medical models."""

from sessions_app.stt.google.transcriber import ENGINE, GoogleTranscriber

__all__ = ["ENGINE", "GoogleTranscriber"]

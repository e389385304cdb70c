"""The speech process without its models: an engine that says what it is told, and its jobs run at once."""

from django.utils import timezone

from sessions_app.speech import worker
from sessions_app.stt.base import Segment, Transcript, Word
from synapse.common import jobs


class Engine:
    """Hears one sentence from 1 s to 2 s of the file, or fails as it is told."""

    engine, model = "scripted", "one sentence"

    def __init__(self, text="I slept badly again last night", error=None):
        self.text, self.error, self.heard = text, error, b""

    def transcribe(self, source, *, language, hints=None, progress=None):
        self.heard = b"".join(source)
        if self.error:
            raise self.error
        words = tuple(Word(1.0, 2.0, word, 0.9) for word in self.text.split())
        segments = (Segment(1, 1.0, 2.0, self.text, "patient", 0.9, words, voice=2),) if words else ()
        return Transcript(segments, self.engine, self.model, language, len(self.heard) / 32_000)


def run_jobs():
    """Run due speech jobs as the speech process does, until none is left."""
    while (job := jobs.lease_next("speech", worker.KINDS, timezone.now(), 300)) is not None:
        jobs.run_leased(job)

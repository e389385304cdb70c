"""Engines that say what a test wants to hear, and a recorder that sends without a socket."""

from django.utils import timezone

from sessions_app.models import Transcription
from sessions_app.recordings import services as recordings
from sessions_app.spool import store as spool
from sessions_app.stt.base import LiveEvent, Segment, Word
from sessions_app.tests.factories import tone

CHUNK_MS = 200


class ScriptedLive:
    """Say one final word for each second of audio, after an interim reading of it."""

    def __init__(self, engine, start_s, first_id):
        self.engine, self.start_s, self.heard_s, self.next_id, self.step_s = engine, start_s, 0.0, first_id, None

    def feed(self, pcm):
        if self.engine.failures:
            raise self.engine.failures.pop(0)
        self.engine.steps.append(self.step_s)
        before, self.heard_s = self.heard_s, self.heard_s + len(pcm) / 32_000
        return [event for second in range(int(before), int(self.heard_s)) for event in self._said(second)]

    def finish(self):
        self.engine.finished += 1
        rest = self.heard_s - int(self.heard_s)
        return list(self._said(int(self.heard_s)))[1:] if rest > 0.1 else []

    def _said(self, second):
        start = self.start_s + second
        end = min(start + 1, self.start_s + self.heard_s)
        word = Word(start, end, f"word{round(start)}", 0.9)
        for is_final in (False, True):
            segment = Segment.of_words(self.next_id, [word], speaker="doctor", is_final=is_final)
            yield LiveEvent(segment, committed=int(is_final))
        self.next_id += 1


class ScriptedEngine:
    engine = "embedded"
    model = "scripted"

    def __init__(self):
        self.opened, self.steps, self.failures, self.finished = [], [], [], 0

    def prepare(self, source, *, language, hints=None):
        self.prepared = b"".join(source)

    def open_live(self, *, language, hints=None, start_s=0.0, first_id=1):
        self.opened.append((language, start_s, first_id))
        return ScriptedLive(self, start_s, first_id)


class Heard:
    """A publisher that only remembers."""

    def __init__(self):
        self.frames, self.forgotten = [], []

    def publish(self, session_id, frame):
        self.frames.append((session_id, frame))

    def forget(self, session_id):
        self.forgotten.append(session_id)

    def close(self):
        pass


class Recorder:
    """Write a session's spool as its browser would."""

    def __init__(self, session):
        self.session = session
        recordings.open_stream(session, by=session.doctor, at=timezone.now())
        self.writer = spool.default_store().writer(session.pk)
        self.seq, self.t_ms = 0, 0

    def record(self, seconds, *, after_gap_ms=0):
        self.t_ms += after_gap_ms
        for _ in range(int(seconds * 1000 / CHUNK_MS)):
            self.writer.append(self.seq, self.t_ms, tone(CHUNK_MS), arrived_ms=0)
            self.seq, self.t_ms = self.seq + 1, self.t_ms + CHUNK_MS
        self.writer.commit()

    def finish(self):
        recordings.finish_stream(
            self.session, self.writer.timeline, is_mismatch=False, by=self.session.doctor, at=timezone.now()
        )


def stored(session):
    return Transcription.objects.get(session=session).live_segments


def told(heard, recorder):
    """Return what a page was told about live words at all."""
    return [
        (frame["state"], frame["limit"])
        for session_id, frame in heard.frames
        if session_id == recorder.session.pk and frame.get("type") == "live_text"
    ]

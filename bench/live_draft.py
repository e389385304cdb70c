"""How long a look at the draft beside a recording takes, and how long the draft takes once the session is stopped.

Run as a part of `make bench`, or alone: `python -m bench.live_draft`. Six sessions grow to an hour of words side by side,
sewn together from the shipped session; each look is one door call's work: read the words, write every section. The stop is
the whole of it on this machine, the queue's half second apart: complete the consultation, run the job.
"""

import itertools
import json
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SESSIONS = 6
UTTERANCES = 420  # about an hour
STEP = 42  # utterances between two looks
LIMIT_MS = 300
LIMIT_STOP_S = 5.0
SAMPLE = Path(__file__).resolve().parent.parent / "reports" / "tests" / "generation" / "data" / "followup.json"


def run() -> Iterator[dict[str, Any]]:
    """Yield the 95th percentile of a look, of a look that finds nothing new, and the time from stop to draft."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    sessions = [_start(number) for number in range(SESSIONS)]
    looks, idle = _looks(sessions)
    yield _line("live draft, a look with new words, 95th percentile", looks, LIMIT_MS)
    yield _line("live draft, a look without new words, 95th percentile", idle, LIMIT_MS)
    stops = [_stop(session) for session in sessions]
    yield {
        "bench": "stop to draft, longest",
        "value": round(max(stops), 3),
        "unit": "s",
        "ratio_to": {"limit": LIMIT_STOP_S},
        "n": len(stops),
    }


def _start(number: int) -> Any:
    from patients.tests.factories import make_patient
    from sessions_app.tests.factories import make_session, record_audio
    from synapse.accounts.models import User
    from synapse.accounts.roles import Role

    doctor = User.objects.create_user(f"bench-{number}", email=f"bench-{number}@clinic.example", role=Role.DOCTOR)
    session = make_session(doctor, patient=make_patient(doctor=doctor))
    record_audio(session)
    return session


def _looks(sessions: list[Any]) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    from django.utils import timezone

    from reports.pages import live_draft
    from sessions_app.transcripts import services as transcripts

    said = itertools.cycle(_said())
    looks, idle, hour = list[tuple[float, float]](), list[tuple[float, float]](), itertools.count(0, 3600)
    for first in range(1, UTTERANCES, STEP):
        for session in sessions:
            row = transcripts.open_live(session)
            segments = [{**next(said), "id": number} for number in range(first, first + STEP)]
            for segment in segments:
                segment["start_ms"], segment["end_ms"] = segment["id"] * 8_000, segment["id"] * 8_000 + 7_000
            transcripts.append_live_segments(row, segments, offset_ms=segments[-1]["end_ms"], at=timezone.now())
        now = next(hour)
        for session in sessions:
            started = _now()
            draft = live_draft.live_draft(session, seen=0, clock=lambda now=now: float(now))
            looks.append(_since(started))
            started = _now()
            live_draft.live_draft(session, seen=draft.seen if draft else 0)
            idle.append(_since(started))
    return looks, idle


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(started: tuple[float, float]) -> tuple[float, float]:
    """Return the milliseconds that went by, on the wall and on the processor."""
    return tuple(1000 * (now - then) for now, then in zip(_now(), started, strict=True))  # type: ignore[return-value]


def _said() -> list[dict[str, Any]]:
    segments = json.loads(SAMPLE.read_text(encoding="utf-8"))[0]["segments"]
    plain = {"confidence": 0.9, "words": [], "original_text": None}
    return [{**plain, "speaker": segment["speaker"], "text": segment["text"]} for segment in segments]


def _stop(session: Any) -> float:
    from django.utils import timezone

    from reports.models import Report
    from synapse import workflows
    from synapse.common import jobs
    from synapse.common.models import Job

    started = time.perf_counter()
    workflows.complete_consultation(session, by=session.doctor, at=timezone.now())
    report = Report.objects.get(session=session)
    jobs.run_job(str(Job.objects.get(object_id=report.pk).pk))
    took = time.perf_counter() - started
    report.refresh_from_db()
    if not report.is_draft:
        raise RuntimeError(f"the draft ended as {report.status}: {report.error_code}")
    return took


def _line(bench: str, values: list[tuple[float, float]], limit: float) -> dict[str, Any]:
    wall, processor = (statistics.quantiles(kind, n=20)[-1] for kind in zip(*values, strict=True))
    return {
        "bench": bench,
        "value": round(wall, 1),
        "unit": "ms",
        "ratio_to": {"limit": limit, "processor time": round(processor, 1)},
        "n": len(values),
    }


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)

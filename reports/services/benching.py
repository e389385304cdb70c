"""Run the public bench on an engine and keep the figures: synthetic sessions only, so no consent is asked."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from reports.generation import assemble, get_generator, named_generator
from reports.generation.base import GenerationError, ReportGenerator
from reports.generation.prices import with_cost
from reports.models import BenchRun
from reports.scribe_bench.loading import BenchSession, load_sessions
from reports.scribe_bench.scoring import Score, score_refusal, score_report, totals_of
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common import jobs
from synapse.common.errors import Conflict, NotAllowed
from synapse.common.models import Job
from synapse.outside import calls

BENCH = "reports.tasks.bench"
_RUN_SECONDS = 50.0  # a run that takes longer goes on in a job of its own


def request_bench(*, by: User, at: datetime) -> BenchRun:
    """Queue a run of the bench on the engine that writes reports here. Raises NotAllowed and Conflict."""
    if not by.may(Permission.VIEW_SYSTEM):
        raise NotAllowed("Only administrators start the bench.")
    engine = get_generator(allow_cloud=True)
    with unit_of_work():
        if BenchRun.objects.select_for_update().filter(finished_at=None).exists():
            raise Conflict("The bench is running. Wait until it has ended.", code="bench_running")
        run = BenchRun.objects.create(
            engine=engine.name, model=engine.model, figures=_figures([]), started_at=at, seconds=0
        )
        jobs.enqueue(BENCH, run.pk, by_id=by.pk, run_at=at)
        record(Action.CREATE, by=by, target=run, detail={"verb": "bench", "engine": engine.name})
    return run


def run_bench(run_id: UUID, *, job: Job, clock: Callable[[], datetime]) -> None:
    """Write the sessions a run still lacks, for as long as one job may take; the body of its job, safe to run twice."""
    run = BenchRun.objects.get(pk=run_id)
    if run.finished_at is not None:
        return
    scores = list(run.figures["sessions"])
    engine = named_generator(run.engine)
    rest = load_sessions()[len(scores) :]
    began = time.monotonic()
    for session in rest:
        if time.monotonic() - began > _RUN_SECONDS:
            break
        jobs.set_progress(job, len(scores), len(load_sessions()), session.title)
        scores.append(_priced(write_session(session, engine), engine, at=clock()))
    is_done = len(scores) == len(load_sessions())
    run.figures = _figures(scores)
    run.seconds = run.figures["totals"]["seconds"]
    run.finished_at = clock() if is_done else None
    with unit_of_work():
        jobs.assert_held(job)
        run.save(update_fields=["figures", "seconds", "finished_at", "updated_at"])
        if not is_done:
            jobs.enqueue(BENCH, run.pk, by_id=job.requested_by_id, run_at=clock())


def end_bench(run_id: UUID, *, code: str, at: datetime) -> None:
    """End a run whose job was given up, with the sessions it has."""
    BenchRun.objects.filter(pk=run_id, finished_at=None).update(finished_at=at, error_code=code[:60], updated_at=at)


def store_bench(
    scores: list[dict[str, object]], engine: ReportGenerator, *, started_at: datetime, at: datetime
) -> BenchRun:
    """Keep a run that was made on the command line."""
    figures = _figures(scores)
    return BenchRun.objects.create(
        engine=engine.name,
        model=engine.model,
        figures=figures,
        started_at=started_at,
        finished_at=at,
        seconds=figures["totals"]["seconds"],
    )


def bench_engine(engine: ReportGenerator, *, at: datetime) -> Iterator[dict[str, object]]:
    """Yield the score of each session, as JSON."""
    for session in load_sessions():
        yield _priced(write_session(session, engine), engine, at=at)


def write_session(session: BenchSession, engine: ReportGenerator) -> Score:
    """Have one session written and scored; an engine that fails has its code in the score."""
    request = session.request()
    began = time.perf_counter()
    try:
        # Invented sessions: nobody's consent is needed, and still it is written down that they left.
        with calls.errand(calls.Purpose.BENCH, may_leave=lambda: True):
            report = assemble.assemble(engine.generate(request), request)
    except GenerationError as error:
        return score_refusal(session, error.code, seconds=time.perf_counter() - began)
    return score_report(session, report, seconds=time.perf_counter() - began)


def _priced(score: Score, engine: ReportGenerator, *, at: datetime) -> dict[str, object]:
    values = score.as_json()
    usage = values.pop("usage")
    return {**values, "usage": with_cost(engine.model, usage, is_cloud=engine.is_cloud, on=at.date())}


def _figures(scores: list[dict[str, object]]) -> dict[str, Any]:
    return {"totals": totals_of(scores), "sessions": scores}

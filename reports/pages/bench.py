"""What the pages of the public bench show: runs as rows and words, sessions as lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reports.content import walk
from reports.generation import get_generator
from reports.models import BenchRun
from reports.printing.rendering import clock
from reports.queries import bench_job
from reports.scribe_bench.loading import BenchSession, load_sessions
from reports.scribe_bench.scoring import KINDS, MARKS
from sessions_app.transcripts.lines import OTHER_NAMES
from synapse.common.models import Job

KIND_WORDS = {
    "unsupported": ("Unsupported", "Said in the report, not in the session"),
    "missed": ("Missed", "Said in the session, not in the report"),
    "wrong_speaker": ("Wrong person", "Somebody else’s words or illness as the patient’s"),
    "invented_normal": ("Invented normal", "A finding or a denial nobody asked about"),
}
MARK_WORDS = {
    "unmarked": "Written, no mark",
    "doubtful": "Written, marked",
    "blocked": "Written, blocks signing",
    "offered": "Missing, shown beside",
    "not_offered": "Missing, not shown",
}
_SUPPORT = {
    "supported": ("ok", "Supported"),
    "partial": ("warn", "To look at"),
    "unsupported": ("rec", "Blocks signing"),
}
_TEMPLATE = ("line", "The template’s own")
_ENGINES = {"embedded": "The built-in writer", "gemini": "Gemini", "openai": "The model server"}
_SEVERITY = {1: "a nuisance", 2: "misleads", 3: "could harm"}
FAILURES = {
    "quota": "no quota left",
    "timeout": "no answer in time",
    "network": "not reached",
    "unavailable": "not available",
    "blocked": "stopped by its own filter",
    "cut_off": "cut off",
    "bad_answer": "an answer that cannot be read",
    "no_speech": "no words",
}


@dataclass(frozen=True)
class Row:
    """One session in the table."""

    session: BenchSession
    sentences: int
    counts: list[int]
    failure: str

    @property
    def errors(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class RunView:
    """One finished run."""

    run: BenchRun
    rows: list[Row]

    @property
    def totals(self) -> dict[str, Any]:
        totals: dict[str, Any] = self.run.figures["totals"]
        return totals

    @property
    def engine(self) -> str:
        return _ENGINES.get(self.run.engine, self.run.engine)

    @property
    def counts(self) -> list[tuple[str, str, int]]:
        """Name, meaning and number of each kind of error."""
        return [(*KIND_WORDS[kind], self.totals[kind]) for kind in KINDS]

    @property
    def met(self) -> int:
        return int(self.totals["expectations"]) - sum(int(self.totals[kind]) for kind in KINDS)

    @property
    def matrix(self) -> list[tuple[str, list[int]]]:
        """How errors are shown to the doctor, by severity 1 to 3."""
        return [(MARK_WORDS[mark], list(self.totals["support_by_severity"][mark].values())) for mark in MARKS]


@dataclass(frozen=True)
class BenchPage:
    """The bench as it stands."""

    engine: str
    model: str
    last: RunView | None
    running: BenchRun | None
    job: Job | None
    others: list[RunView]


@dataclass(frozen=True)
class Line:
    """One sentence of a report, or one line of a session."""

    text: str
    css: str
    label: str
    cites: str = ""


@dataclass(frozen=True)
class SessionPage:
    """One synthetic session with what came of it in the last run."""

    session: BenchSession
    words: list[Line]
    sections: list[tuple[str, list[Line]]]
    errors: list[tuple[str, str, str, str]]
    run: BenchRun | None
    failure: str
    following: BenchSession | None


def bench_page() -> BenchPage:
    """Return the figures of the engine that writes reports here, and of others that were measured."""
    engine = get_generator(allow_cloud=True)
    finished = BenchRun.objects.exclude(finished_at=None).filter(error_code="").order_by("-started_at")
    running = BenchRun.objects.filter(finished_at=None).order_by("-started_at").first()
    newest: dict[str, BenchRun] = {}
    for run in finished[:50]:
        newest.setdefault(run.engine, run)
    last = newest.pop(engine.name, None)
    return BenchPage(
        engine=_ENGINES.get(engine.name, engine.name),
        model=engine.model,
        last=_run_view(last) if last else None,
        running=running,
        job=bench_job(running) if running else None,
        others=[_run_view(run) for run in newest.values()],
    )


def session_page(session_id: str) -> SessionPage | None:
    """Return one session with its last report, or None when there is none of this name."""
    sessions = load_sessions()
    place = next((place for place, session in enumerate(sessions) if session.id == session_id), None)
    if place is None:
        return None
    session = sessions[place]
    page = bench_page()
    run = page.last.run if page.last else None
    score = _score_of(run, session_id) if run else None
    return SessionPage(
        session=session,
        words=[
            Line(
                segment.text,
                "d" if segment.speaker == "doctor" else "p",
                OTHER_NAMES.get(segment.speaker, segment.speaker.capitalize()),
                clock(segment.start_ms),
            )
            for segment in session.segments
        ],
        sections=list(_sections(score["sections"])) if score else [],
        errors=[
            (
                KIND_WORDS[error["kind"]][0],
                f"{error['what']}: {_SEVERITY[error['severity']]}",
                MARK_WORDS[error["mark"]],
                error["sentence"],
            )
            for error in (score["errors"] if score else ())
        ],
        run=run if score else None,
        failure=_failure(score) if score else "",
        following=sessions[place + 1] if place + 1 < len(sessions) else None,
    )


def _run_view(run: BenchRun) -> RunView:
    scores = {score["session"]: score for score in run.figures["sessions"]}
    rows = [
        Row(session, score["sentences"], [score[kind] for kind in KINDS], _failure(score))
        for session in load_sessions()
        if (score := scores.get(session.id))
    ]
    return RunView(run, rows)


def _score_of(run: BenchRun, session_id: str) -> dict[str, Any] | None:
    return next((score for score in run.figures["sessions"] if score["session"] == session_id), None)


def _failure(score: dict[str, Any]) -> str:
    code = score["error_code"]
    return FAILURES.get(code, "not written") if code else ""


def _sections(sections: list[Any]) -> Iterator[tuple[str, list[Line]]]:
    for section in walk(sections):
        if section["sentences"]:
            yield section["title"], [_line(sentence) for sentence in section["sentences"]]


def _line(sentence: Any) -> Line:
    css, label = _TEMPLATE if sentence["origin"] == "template" else _SUPPORT[sentence["support"]]
    return Line(sentence["text"], css, label, ", ".join(clock(place["start_ms"]) for place in sentence["evidence"]))

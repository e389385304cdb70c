"""Which notes a rule is for."""

from collections.abc import Callable

from reports.note_audit.notes import Note

PSYCHOTHERAPY_CODES = frozenset(("90832", "90834", "90837", "90846", "90847", "90853"))
CRISIS_CODES = frozenset(("90839", "90840"))
CRISIS_TEMPLATES = frozenset(("safety_plan", "crisis"))
MENTAL_HEALTH_CODES = PSYCHOTHERAPY_CODES | {"90791", "90792", "90833", "90836", "90838", "90839", "90840"}
_MENTAL_HEALTH_TOPICS = frozenset(
    ("risk", "mental_status", "mood", "interventions", "response", "thought", "perception", "insight")
)


def _always(note: Note) -> bool:
    return True


def _psychotherapy(note: Note) -> bool:
    return note.billing_code in PSYCHOTHERAPY_CODES or _has_topics(note, frozenset(("interventions", "response")))


def _mental_health(note: Note) -> bool:
    return note.billing_code in MENTAL_HEALTH_CODES or _has_topics(note, _MENTAL_HEALTH_TOPICS)


def _goals(note: Note) -> bool:
    return any(True for _ in note.lines_about("goals"))


def _crisis(note: Note) -> bool:
    return note.billing_code in CRISIS_CODES or note.template_slug in CRISIS_TEMPLATES


def _telehealth(note: Note) -> bool:
    return note.is_telehealth


def _has_topics(note: Note, topics: frozenset[str]) -> bool:
    """Tell whether the template has a section of its own about one of the topics."""
    return any(first in topics for first, *_ in filter(None, note.topics.values()))


CONDITIONS: dict[str, Callable[[Note], bool]] = {
    "": _always,
    "psychotherapy": _psychotherapy,
    "mental_health": _mental_health,
    "goals": _goals,
    "crisis": _crisis,
    "telehealth": _telehealth,
}


def holds(name: str, note: Note) -> bool:
    return CONDITIONS[name](note)

"""The steps of a report's history in words, for the buttons that take them back."""

from collections.abc import Sequence

from reports.services.history import Step

STEP_WORDS = {
    "edit": "changed line",
    "confirm": "confirmed line",
    "remove": "removed line",
    "restore": "restored line",
    "add": "added line",
    "insert": "inserted finding",
    "quote": "inserted quote",
    "move": "moved line",
    "split": "split line",
    "merge": "joined lines",
    "layout": "bullets or running text",
    "rewrite": "rewritten section",
}


def step_words(steps: Sequence[Step]) -> str:
    """Say what the next step to undo or redo was; empty when there is none."""
    return STEP_WORDS.get(steps[-1][0]["verb"], "last change") if steps else ""

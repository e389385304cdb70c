"""Items of checklists and columns of tables: the usual ones, and the ids behind what people write."""

import re
from collections.abc import Iterable

from django.utils.text import slugify

from reports.templating.structure import MAXIMUM_ID_LENGTH, SECTION_ID

MENTAL_STATUS = {
    "appearance": "Appearance",
    "behaviour": "Behaviour",
    "eye_contact": "Eye contact",
    "speech": "Speech",
    "mood": "Mood",
    "affect": "Affect",
    "thought_process": "Thought process",
    "thought_content": "Thought content",
    "perception": "Perception",
    "delusions": "Delusions",
    "orientation": "Orientation",
    "memory": "Memory",
    "insight": "Insight",
    "judgement": "Judgement",
}
RISK = {
    "suicidal_ideation": "Suicidal ideation",
    "suicide_plan": "Suicide plan",
    "suicide_intent": "Suicide intent",
    "access_to_means": "Access to means",
    "self_harm": "Self-harm",
    "past_attempts": "Past attempts",
    "violence": "Violence towards others",
    "abuse": "Abuse",
    "substance_use": "Substance use",
    "protective_factors": "Protective factors",
}
MEDICATION_COLUMNS = {"drug": "Medication", "dose": "Dose", "frequency": "How often", "response": "Effect"}
# Other words for the same items; the ids are shared with the engine that fills them.
_ALSO = {
    "behaviour": ("behavior", "psychomotor activity"),
    "thought_process": ("thought form", "thought processes", "thinking"),
    "thought_content": ("thoughts",),
    "perception": ("hallucinations", "perceptual disturbances"),
    "judgement": ("judgment",),
    "suicidal_ideation": ("suicidal thoughts", "suicidality", "suicide", "si"),
    "suicide_plan": ("plan for suicide",),
    "suicide_intent": ("intent", "suicidal intent"),
    "access_to_means": ("means", "means access", "access to lethal means"),
    "self_harm": ("self harm", "self-injury", "nssi"),
    "past_attempts": ("previous attempts", "suicide attempts", "past suicide attempts"),
    "violence": ("homicidal ideation", "hi", "harm to others", "aggression", "violence"),
    "abuse": ("abuse or neglect", "domestic violence"),
    "substance_use": ("alcohol and drugs", "substances", "alcohol"),
}
_IDS = {
    **{title.casefold(): entry_id for entry_id, title in (MENTAL_STATUS | RISK).items()},
    **{word: entry_id for entry_id, words in _ALSO.items() for word in words},
}


def known_item(title: str) -> str:
    """Return the shared id of a usual checklist item, or nothing."""
    return _IDS.get(" ".join(title.casefold().split()), "")


def entries_of(titles: Iterable[str], before: Iterable[dict[str, str]] = ()) -> list[dict[str, str]]:
    """Return titles as items or columns with ids: those they had, the shared ones, or new ones from the words.

    A title that changed gets another id: what an item is about is judged by its id first.
    """
    had = {entry["title"].casefold(): entry["id"] for entry in before}
    used: set[str] = set()
    entries = []
    for title in dict.fromkeys(title.strip() for title in titles if title.strip()):
        wanted = had.get(title.casefold()) or known_item(title) or title
        entries.append({"id": free_id(wanted, used), "title": title})
    return entries


def as_entries(usual: dict[str, str]) -> list[dict[str, str]]:
    return [{"id": entry_id, "title": title} for entry_id, title in usual.items()]


def free_id(words: str, used: set[str]) -> str:
    """Return an id made from words that is not used yet, and count it as used."""
    base = re.sub(r"_+", "_", slugify(words).replace("-", "_"))[: MAXIMUM_ID_LENGTH - 4].strip("_")
    base = base if SECTION_ID.match(base) else f"section_{base}"[: MAXIMUM_ID_LENGTH - 4].rstrip("_")
    number, found = 1, base
    while found in used:
        number += 1
        found = f"{base}_{number}"
    used.add(found)
    return found

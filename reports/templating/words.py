"""A section of a template said in words, for lists and comparisons."""

from collections.abc import Iterable

from reports.templating.structure import Section

TYPE_WORDS = {
    "text": "Text",
    "structured": "Parts",
    "list": "List",
    "table": "Table",
    "checklist": "Checklist",
    "fixed": "Fixed text",
}
DETAIL_WORDS = {"concise": "Concise", "standard": "Standard", "detailed": "Detailed"}
LAYOUT_WORDS = {"auto": "As it fits", "prose": "Running text", "bullets": "Bullets"}


def topic_words(topics: Iterable[str]) -> str:
    """Return topics as readers say them: `Past history, Social`."""
    return ", ".join(topic.replace("_", " ").capitalize() for topic in topics)


def summary_of(section: Section) -> str:
    """Return in a few words how a section is written: `Checklist, 8 items`."""
    if section.subsections:
        return f"{len(section.subsections)} {'part' if len(section.subsections) == 1 else 'parts'}"
    if section.type == "checklist":
        return f"Checklist, {len(section.items)} {'item' if len(section.items) == 1 else 'items'}"
    if section.type == "table":
        return f"Table, {len(section.columns)} {'column' if len(section.columns) == 1 else 'columns'}"
    if section.type == "fixed":
        return TYPE_WORDS["fixed"]
    kind = LAYOUT_WORDS[section.style.layout] if section.style.layout != "auto" else TYPE_WORDS[section.type]
    return f"{kind}, {section.style.detail}"


def settings_of(section: Section) -> dict[str, str]:
    """Return what is set for a section, by label; an empty value means nothing is set."""
    return {
        "Heading": section.title,
        "What the writer should do": section.instructions,
        "Required before signing": "Yes" if section.required else "No",
        "Written as": TYPE_WORDS[section.type],
        "How much": DETAIL_WORDS[section.style.detail],
        "Layout": LAYOUT_WORDS[section.style.layout],
        "What belongs here": topic_words(section.topics) or "By the heading",
        "Items": ", ".join(entry.title for entry in section.items),
        "Columns": ", ".join(entry.title for entry in section.columns),
        "Fixed text": section.fixed_text,
    }


# What a section is when nobody sets anything: not worth a line where a whole section is shown.
PLAIN = settings_of(Section("plain", ""))

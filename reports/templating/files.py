"""A template as a JSON file: written for colleagues elsewhere, read with suspicion."""

import json
from typing import Any

from reports.models import ReportTemplate
from reports.templating.structure import SECTION_TYPES, Entry, Section, parse_structure
from synapse.common.errors import DomainError

FORMAT = "synapse-report-template"
FORMAT_VERSION = 1
MAXIMUM_BYTES = 256 * 1024
MAXIMUM_DEPTH = 8  # file, structure, sections, section, subsections, subsection, items, item
_KEYS = {"format", "format_version", "name", "description", "ai_prompt", "structure"}


class UnreadableTemplate(DomainError):
    """The file is no template; the message says what is wrong with it."""

    code = "unreadable_template"


def as_file(template: ReportTemplate) -> bytes:
    """Return a template as a file that `read_file` takes."""
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": template.name,
        "description": template.description,
        "ai_prompt": template.ai_prompt,
        "structure": {"sections": [plain_section(section) for section in parse_structure(template.structure)]},
    }
    return json.dumps(content, ensure_ascii=False, indent=2).encode()


def file_name(template: ReportTemplate) -> str:
    """Return a name without any words of the template: a title may name a patient."""
    return f"template-{str(template.pk)[:8]}-v{template.version}.json"


def read_file(raw: bytes) -> dict[str, Any]:
    """Return name, description, ai_prompt and structure of a file; raise UnreadableTemplate or StructureError.

    What the words and sections may be is judged by the service that stores them.
    """
    if len(raw) > MAXIMUM_BYTES:
        raise UnreadableTemplate(f"The file is larger than {MAXIMUM_BYTES // 1024} KB. A template is a few KB.")
    content = _parse(raw)
    if not isinstance(content, dict):
        raise UnreadableTemplate("The file is not a template: it has to begin with {.")
    if content.get("format") != FORMAT:
        raise UnreadableTemplate(f'The file is not a template of SynapseAI: "format" has to be "{FORMAT}".')
    if content.get("format_version") != FORMAT_VERSION:
        raise UnreadableTemplate("The file was written by a newer version of SynapseAI. Update this one first.")
    if unknown := set(content) - _KEYS:
        raise UnreadableTemplate(f"The file has entries no template has: {_named(unknown)}.")
    for key in ("name", "description", "ai_prompt"):
        if not isinstance(content.get(key, ""), str):
            raise UnreadableTemplate(f'"{key}" has to be text.')
    structure = content.get("structure")
    parse_structure(structure)
    return {
        "name": content.get("name", "").strip(),
        "description": content.get("description", "").strip(),
        "ai_prompt": content.get("ai_prompt", "").strip(),
        "structure": structure,
    }


def plain_section(section: Section) -> dict[str, Any]:
    """Return a parsed section as JSON, without what is usual."""
    assert section.type in SECTION_TYPES
    plain: dict[str, Any] = {
        "id": section.id,
        "title": section.title,
        "required": section.required,
        "type": section.type,
    }
    style = {
        name: value
        for name, value, usual in (
            ("detail", section.style.detail, "standard"),
            ("layout", section.style.layout, "auto"),
        )
        if value != usual
    }
    optional = {
        "maps_to": list(section.topics),
        "instructions": section.instructions,
        "style": style,
        "items": [_plain_entry(entry) for entry in section.items],
        "columns": [_plain_entry(entry) for entry in section.columns],
        "fixed_text": section.fixed_text,
        "subsections": [plain_section(part) for part in section.subsections],
    }
    return plain | {name: value for name, value in optional.items() if value}


def _plain_entry(entry: Entry) -> dict[str, str]:
    return {"id": entry.id, "title": entry.title}


def _parse(raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableTemplate("The file is not text. Choose a .json file that was exported here.") from None
    if _depth(text) > MAXIMUM_DEPTH:
        raise UnreadableTemplate("The file is nested deeper than any template. It was not read.")
    try:
        content = json.loads(text, parse_constant=_refuse, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        raise UnreadableTemplate(f"The file is not JSON: line {error.lineno}, column {error.colno}.") from None
    except ValueError:
        # A number of thousands of digits: Python itself refuses to read it.
        raise UnreadableTemplate("The file holds a number no template has.") from None
    if not _is_storable(json.dumps(content, ensure_ascii=False)):
        raise UnreadableTemplate("The file holds characters that cannot be stored.")
    return content


def _is_storable(text: str) -> bool:
    """Tell whether a database takes the text: PostgreSQL has no NUL, UTF-8 no half of a pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\\u0000" not in text


def _depth(text: str) -> int:
    """Return how deep brackets are nested outside of strings, without building anything from the text."""
    depth = deepest = 0
    is_inside = is_escaped = False
    for character in text:
        if is_inside:
            if is_escaped:
                is_escaped = False
            elif character == "\\":
                is_escaped = True
            elif character == '"':
                is_inside = False
        elif character == '"':
            is_inside = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _refuse(constant: str) -> Any:
    raise UnreadableTemplate(f"The file holds {constant}, which is no value.")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise UnreadableTemplate("The file says the same thing twice in one place. It was not read.")
    return dict(pairs)


def _named(keys: set[str]) -> str:
    """Name a few keys, short: they are the file's own words."""
    return ", ".join(sorted(key[:40] for key in keys)[:5])

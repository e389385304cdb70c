"""What a template's structure is made of, for the documentation; `reports.templating.structure` checks it."""

from typing import Any

from reports.templating.structure import (
    DETAILS,
    LAYOUTS,
    MAXIMUM_COLUMNS,
    MAXIMUM_FIXED_TEXT_LENGTH,
    MAXIMUM_ID_LENGTH,
    MAXIMUM_INSTRUCTIONS_LENGTH,
    MAXIMUM_ITEMS,
    MAXIMUM_SECTIONS,
    MAXIMUM_SUBSECTIONS,
    MAXIMUM_TITLE_LENGTH,
    SECTION_TYPES,
    TOPICS,
)

Schema = dict[str, Any]


def _text(limit: int, **more: Any) -> Schema:
    return {"type": "string", "maxLength": limit, **more}


def _list(items: Schema, limit: int, **more: Any) -> Schema:
    return {"type": "array", "items": items, "maxItems": limit, **more}


def _object(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _section(kinds: list[str], **more: Schema) -> Schema:
    properties = {
        "id": {**_ID, "description": "Unique in the template."},
        "title": _TITLE,
        "required": {"type": "boolean", "description": "To be filled before signing."},
        "type": {"enum": kinds, "default": "text"},
        "maps_to": {
            "description": "What belongs there; when not said it is judged by the title.",
            "anyOf": [{"enum": list(TOPICS)}, _list({"enum": list(TOPICS)}, len(TOPICS))],
        },
        "instructions": _text(MAXIMUM_INSTRUCTIONS_LENGTH),
        "style": _object({"detail": {"enum": list(DETAILS)}, "layout": {"enum": list(LAYOUTS)}}, []),
        "items": _list(_ENTRY, MAXIMUM_ITEMS, description="Of a checklist."),
        "columns": _list(_ENTRY, MAXIMUM_COLUMNS, description="Of a table."),
        "fixed_text": _text(MAXIMUM_FIXED_TEXT_LENGTH, description="Of the type fixed: the same in every report."),
    }
    return _object(properties | more, ["id", "title"])


_ID = _text(MAXIMUM_ID_LENGTH, pattern="^[a-z][a-z0-9_]*$")
_TITLE = _text(MAXIMUM_TITLE_LENGTH, minLength=1)
_ENTRY = _object({"id": _ID, "title": _TITLE}, ["id", "title"])
_PART = _section([kind for kind in SECTION_TYPES if kind != "structured"])
_PARTS = _list(_PART, MAXIMUM_SUBSECTIONS, description="Of a structured section.")
STRUCTURE = _object(
    {"sections": _list(_section(list(SECTION_TYPES), subsections=_PARTS), MAXIMUM_SECTIONS, minItems=1)}, ["sections"]
)

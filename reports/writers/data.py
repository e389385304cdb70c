"""JSON: the report as programs read it, and beside it the document as people read it."""

import json
from typing import Any

from reports.printing import representation
from reports.printing.printed import Block, PrintedReport, Words


def as_json(printed: PrintedReport) -> bytes:
    """Return the contract's report, with the printed document under `document`."""
    data = representation.as_json(printed.report) | {"document": _document(printed)}
    return json.dumps(data, indent=2, ensure_ascii=False).encode()


def _document(printed: PrintedReport) -> dict[str, Any]:
    header = printed.header
    return {
        "title": printed.title,
        "draft": printed.draft_words,
        "header": {
            "clinic": header.clinic,
            "address": header.address,
            "contact": header.contact,
            "practitioner": header.practitioner,
            "specialization": header.specialization,
            "license_number": header.license_number,
        },
        "facts": {fact.label: fact.value for fact in printed.facts},
        "notices": [f"{notice.label} {notice.text}" for notice in printed.notices],
        "blocks": [_block(block) for block in printed.blocks],
        "signatures": [
            {"name": signature.name, "lines": signature.lines, "sha256": signature.content_hash}
            for signature in printed.signatures
        ],
        "sources": [{"number": source.number, "time": source.time, **source.evidence} for source in printed.sources],
        "notes": printed.notes,
        "verify": printed.seal and {"code": printed.seal.code, "address": printed.seal.address},
    }


def _block(block: Block) -> dict[str, Any]:
    table = block.table
    return {
        "section": block.section_id,
        "title": block.title,
        "level": block.level,
        "is_not_discussed": block.is_not_discussed,
        "paragraphs": [
            {
                "kind": "item" if paragraph.is_list_item else "heading" if paragraph.is_heading else "prose",
                "sentences": [_words(words) for words in paragraph.sentences],
            }
            for paragraph in block.paragraphs
        ],
        "table": table and {"columns": table.columns, "rows": [[_words(cell) for cell in row] for row in table.rows]},
    }


def _words(words: Words) -> dict[str, Any]:
    return {"text": words.text, "sources": list(words.sources)}

"""What a signature stands for, as plain data with one way to write it.

A change here needs a new format that older signatures keep: a signature names its format (`v1`, `v2`), and the hash of
a document sealed with an older one is computed as it was then.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from reports.content import Evidence, RiskStatement, Section, Sentence
from reports.models import Addendum, CoSignature, Report


@dataclass(frozen=True)
class Place:
    """Where a document stands in its patient's chain of seals; part of what is signed."""

    patient_id: UUID
    number: int
    code: str
    previous_digest: str


def digest_of(data: Any) -> str:
    """Return the SHA-256 (hex) of data in canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def report_format_1(report: Report) -> dict[str, Any]:
    """Return a report as it was hashed before there was a chain."""
    return {
        "format": 1,
        "report": str(report.pk),
        "session": str(report.session_id),
        "report_type": report.report_type,
        "version": report.version,
        "amends": str(report.amends_id or ""),
        "amend_reason": report.amend_reason,
        "template": _template(report),
        "engine": report.engine,
        "ai_model": report.ai_model,
        "sections": [_section(section, _sentence_format_1) for section in report.structured_data],
        "content": report.generated_content,
    }


def report_format_2(report: Report, place: Place) -> dict[str, Any]:
    """Return a report as it is hashed: all of format 1, what format 1 left out, and its place in the chain."""
    return {
        **report_format_1(report),
        "format": 2,
        "chain": _place(place),
        "converted_from": str(report.converted_from_id or ""),
        "prompt_version": report.prompt_version,
        "reviewed_by": str(report.reviewed_by_id or ""),
        "reviewed_at": moment(report.reviewed_at),
        "sections": [_section(section, _sentence_format_2) for section in report.structured_data],
        "risk_statements": [_risk_statement(statement) for statement in report.risk_statements],
    }


def addendum_format_2(addendum: Addendum, place: Place) -> dict[str, Any]:
    """Return an addendum as it is hashed, bound to the report as that was signed."""
    return {
        "format": 2,
        "chain": _place(place),
        "addendum": str(addendum.pk),
        "report": str(addendum.report_id),
        "report_hash": addendum.report.content_hash,
        "number": addendum.number,
        "author": str(addendum.author_id),
        "text": addendum.text,
    }


def co_signature_format_2(co_signature: CoSignature, place: Place) -> dict[str, Any]:
    """Return a supervisor's signature as it is hashed, bound to the report as that was signed."""
    return {
        "format": 2,
        "chain": _place(place),
        "co_signature": str(co_signature.pk),
        "report": str(co_signature.report_id),
        "report_hash": co_signature.content_hash,
        "supervisor": str(co_signature.supervisor_id),
        "requested_by": str(co_signature.requested_by_id),
        "requested_at": moment(co_signature.requested_at),
    }


def moment(at: datetime | None) -> str:
    """Write a moment the same way whatever zone it is held in."""
    return at.astimezone(UTC).isoformat() if at else ""


def _place(place: Place) -> dict[str, Any]:
    return {
        "patient": str(place.patient_id),
        "number": place.number,
        "code": place.code,
        "previous": place.previous_digest,
    }


def _template(report: Report) -> dict[str, Any]:
    return {
        "id": str(report.template_id),
        "version": report.template_version,
        "structure": report.template_structure,
    }


def _section(section: Section, sentence_form: Any) -> dict[str, Any]:
    return {
        "id": section["id"],
        "title": section["title"],
        "status": section["status"],
        "sentences": [sentence_form(sentence) for sentence in section["sentences"]],
        "subsections": [_section(part, sentence_form) for part in section["subsections"]],
    }


def _sentence_format_1(sentence: Sentence) -> dict[str, Any]:
    return {
        "id": sentence["id"],
        "text": sentence["text"],
        "origin": sentence["origin"],
        "support": sentence["support"],
        "evidence": [_evidence(place) for place in sentence["evidence"]],
    }


def _sentence_format_2(sentence: Sentence) -> dict[str, Any]:
    """Add the answer to a checklist item, a table's cells, and how the line is laid out."""
    return {
        **_sentence_format_1(sentence),
        "layout": sentence.get("layout", "prose"),
        "item": sentence.get("item", ""),
        "state": sentence.get("state", ""),
        "cells": sentence.get("cells", {}),
    }


def _risk_statement(statement: RiskStatement) -> dict[str, Any]:
    return {
        "id": statement["id"],
        "kind": statement["kind"],
        "polarity": statement["polarity"],
        "subject": statement["subject"],
        "time": statement["time"],
        "evidence": [_evidence(place) for place in statement["evidence"]],
        "disposition": statement["disposition"],
        "by": statement["by"],
        "at": statement["at"],
    }


def _evidence(place: Evidence) -> list[Any]:
    return [place["segment"], place["start_ms"], place["end_ms"], place["speaker"], place["quote"]]

"""A report as programs read it: the one JSON shape of exports and the API."""

from datetime import datetime
from typing import Any

from reports.content import Section, Sentence, walk
from reports.models import Report


def as_json(report: Report) -> dict[str, Any]:
    """Return a report with ids as text and times in ISO 8601."""
    return {
        "id": str(report.pk),
        "session": str(report.session_id),
        "template": str(report.template_id),
        "transcription": str(report.transcription_id),
        "report_type": report.report_type,
        "status": report.status,
        "version": report.version,
        "sections": sections_as_json(report),
        "content": report.generated_content,
        "scores": scores_as_json(report),
        "missing": report.missing,
        "unassigned": report.unassigned,
        "risk_statements": report.risk_statements,
        "ai_model": report.ai_model,
        "prompt_version": report.prompt_version,
        "content_hash": report.content_hash,
        "reviewed_by": _id(report.reviewed_by_id),
        "reviewed_at": _time(report.reviewed_at),
        "signed_by": _id(report.signed_by_id),
        "signed_at": _time(report.signed_at),
        "correction_notes": report.correction_notes,
        "manually_edited": report.manually_edited,
        "generation_started_at": _time(report.generation_started_at),
        "generation_completed_at": _time(report.generation_completed_at),
        "generation_seconds": report.generation_seconds,
        "exported_formats": report.exported_formats,
        "created_at": _time(report.created_at),
    }


def sections_as_json(report: Report) -> list[dict[str, Any]]:
    return [_section(section) for section in report.structured_data]


def scores_as_json(report: Report) -> dict[str, float | None]:
    """Return the scores, each from 0 to 1 or None."""
    return {
        "completeness": report.completeness_score,
        "quality": report.quality_score,
        "confidence": report.confidence_score,
    }


def evidence_as_json(report: Report) -> list[dict[str, Any]]:
    """Return every sentence in reading order, with the places it rests on and the id of its section."""
    return [
        {"section": section["id"], **_sentence(sentence)}
        for section in walk(report.structured_data)
        for sentence in section["sentences"]
    ]


def _section(section: Section) -> dict[str, Any]:
    return {
        "id": section["id"],
        "title": section["title"],
        "status": section["status"],
        "sentences": [_sentence(sentence) for sentence in section["sentences"]],
        "subsections": [_section(part) for part in section["subsections"]],
    }


def _sentence(sentence: Sentence) -> dict[str, Any]:
    return {
        "id": sentence["id"],
        "text": sentence["text"],
        "origin": sentence["origin"],
        "evidence": sentence["evidence"],
        "support": sentence["support"],
        "flags": sentence["flags"],
        **{name: sentence[name] for name in ("item", "state", "cells") if name in sentence},
    }


def _id(value: object) -> str | None:
    return str(value) if value else None


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None

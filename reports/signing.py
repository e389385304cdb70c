"""The seal of a signed report: what is hashed, how it is signed, and whether both still hold."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings

from reports.content import Section
from reports.models import Report

CANONICAL_FORMAT = 1


class Seal(StrEnum):
    """What an opened report's seal says."""

    NONE = "none"  # not signed
    WHOLE = "whole"
    BROKEN = "broken"  # content, facts or signature were changed after signing
    ERASED = "erased"  # the content was erased on purpose: the hash can no longer be checked


def content_digest(report: Report) -> str:
    """Return the SHA-256 (hex) over content, evidence and template version in canonical JSON."""
    text = json.dumps(_canonical(report), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def make_signature(report: Report, *, digest: str, signer_id: UUID, signed_at: datetime) -> str:
    """Return the HMAC over hash, report, signer and time under the active signing key, as `v1.<key id>.<hex>`."""
    key = settings.SIGNING_KEY[0]
    return f"v1.{_key_id(key)}.{_mac(key, report, digest, signer_id, signed_at)}"


def verify(report: Report) -> Seal:
    """Compare a report with its hash and its signature; reads every key still configured."""
    if not report.is_signed:
        return Seal.NONE
    if report.signed_by_id is None or report.signed_at is None or not _is_signature_right(report):
        return Seal.BROKEN
    if report.erased_at is not None:
        return Seal.ERASED
    is_content_right = hmac.compare_digest(content_digest(report), report.content_hash)
    return Seal.WHOLE if is_content_right else Seal.BROKEN


def _is_signature_right(report: Report) -> bool:
    version, _, rest = report.signature.partition(".")
    key_id, _, mac = rest.partition(".")
    if version != "v1" or report.signed_by_id is None or report.signed_at is None:
        return False
    return any(
        hmac.compare_digest(_mac(key, report, report.content_hash, report.signed_by_id, report.signed_at), mac)
        for key in settings.SIGNING_KEY
        if _key_id(key) == key_id
    )


def _key_id(key: str) -> str:
    return hashlib.sha256(b"synapse signing key id\0" + key.encode()).hexdigest()[:8]


def _mac(key: str, report: Report, digest: str, signer_id: UUID, signed_at: datetime) -> str:
    facts = ["report", str(report.pk), digest, str(signer_id), signed_at.astimezone(UTC).isoformat()]
    return hmac.digest(key.encode(), json.dumps(facts).encode(), hashlib.sha256).hex()


def _canonical(report: Report) -> dict[str, Any]:
    """Return what the signature stands for. A change here needs a new CANONICAL_FORMAT that old reports keep."""
    return {
        "format": CANONICAL_FORMAT,
        "report": str(report.pk),
        "session": str(report.session_id),
        "report_type": report.report_type,
        "version": report.version,
        "amends": str(report.amends_id or ""),
        "amend_reason": report.amend_reason,
        "template": {
            "id": str(report.template_id),
            "version": report.template_version,
            "structure": report.template_structure,
        },
        "engine": report.engine,
        "ai_model": report.ai_model,
        "sections": [_canonical_section(section) for section in report.structured_data],
        "content": report.generated_content,
    }


def _canonical_section(section: Section) -> dict[str, Any]:
    return {
        "id": section["id"],
        "title": section["title"],
        "status": section["status"],
        "sentences": [
            {
                "id": sentence["id"],
                "text": sentence["text"],
                "origin": sentence["origin"],
                "support": sentence["support"],
                "evidence": [
                    [place["segment"], place["start_ms"], place["end_ms"], place["speaker"], place["quote"]]
                    for place in sentence["evidence"]
                ],
            }
            for sentence in section["sentences"]
        ],
        "subsections": [_canonical_section(part) for part in section["subsections"]],
    }

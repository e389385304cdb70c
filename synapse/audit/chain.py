"""The arithmetic of the chain: canonical bytes of a row, its keyed hash, the seal of the head."""

import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import UTC
from functools import lru_cache
from uuid import UUID

from django.conf import settings

from synapse.audit.models import AuditEvent, ChainHead


@lru_cache(maxsize=8)
def _ring(keys: tuple[str, ...]) -> dict[str, bytes]:
    """Map key id to key; the first entry is the active one."""
    return {hashlib.sha256(b"synapse audit key id\0" + key.encode()).hexdigest()[:8]: key.encode() for key in keys}


def active_key_id() -> str:
    """Return the id of the key new rows are sealed with."""
    return next(iter(_ring(tuple(settings.AUDIT_KEY))))


def _mac(key_id: str, purpose: str, content: object) -> str | None:
    """Return the hex HMAC-SHA256 of content, or None when no configured key has this id."""
    key = _ring(tuple(settings.AUDIT_KEY)).get(key_id)
    if key is None:
        return None
    text = json.dumps([purpose, content], sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, text.encode(), "sha256").hex()


def event_mac(event: AuditEvent) -> str | None:
    """Return the hash a row must carry."""
    return _mac(
        event.key_id,
        "event",
        [
            event.seq,
            str(event.id),
            event.at.astimezone(UTC).isoformat(),
            str(event.actor_id or ""),
            event.actor_label,
            event.action,
            event.target_type,
            event.target_id,
            event.target_label,
            str(event.patient_id or ""),
            event.outcome,
            event.ip or "",
            str(event.request_id or ""),
            event.detail,
            event.subjects_digest,
            event.previous_mac,
        ],
    )


def head_seal(head: ChainHead) -> str | None:
    """Return the seal of the head: without the key nobody can set the head back to an earlier row."""
    return _mac(head.key_id, "head", [head.seq, head.mac])


def outside_seal(key_id: str, seq: int, mac: str) -> str | None:
    """Return the seal of a row's place in the chain that is kept outside the database."""
    return _mac(key_id, "outside", [seq, mac])


def subjects_digest(patient_ids: Iterable[UUID]) -> str:
    """Return the digest of a set of patients, empty for none."""
    ids = sorted({str(patient_id) for patient_id in patient_ids})
    return hashlib.sha256(",".join(ids).encode()).hexdigest() if ids else ""

"""The arithmetic of the chain: canonical bytes of a row, its keyed hash, the seal of the head."""

import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import UTC
from functools import lru_cache
from typing import Any
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


canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_quoted = json.encoder.encode_basestring_ascii


def _mac(key_id: str, purpose: str, content: object) -> str | None:
    """Return the hex HMAC-SHA256 of content, or None when no configured key has this id."""
    key = _ring(tuple(settings.AUDIT_KEY)).get(key_id)
    if key is None:
        return None
    return hmac.digest(key, canonical([purpose, content]).encode(), "sha256").hex()


def event_mac(event: AuditEvent) -> str | None:
    """Return the hash a row must carry."""
    values = [
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
        origin_text(str(event.request_id or ""), str(event.sign_in_id or "")),
        canonical(event.detail),
        event.subjects_digest,
        event.previous_mac,
    ]
    return values_mac(event.key_id, values)


def origin_text(request_id: str, sign_in_id: str) -> str:
    """Return request and sign-in as the hash covers them; rows from before sign-ins were kept have the first alone."""
    return f"{request_id} {sign_in_id}" if sign_in_id else request_id


def values_mac(key_id: str, values: list[Any]) -> str | None:
    """Return the hash of a row from its values in the order of `event_mac`, the detail as its canonical text.

    The text is put together by hand: a million rows are hashed in a walk. Raises TypeError for what is no text.
    """
    key = _ring(tuple(settings.AUDIT_KEY)).get(key_id)
    if key is None:
        return None
    before = ",".join(map(_quoted, values[1:13]))
    text = f'["event",[{values[0]},{before},{values[13]},{_quoted(values[14])},{_quoted(values[15])}]]'
    return hmac.digest(key, text.encode(), "sha256").hex()


def head_seal(head: ChainHead) -> str | None:
    """Return the seal of the head: without the key nobody can set the head back to an earlier row."""
    return _mac(head.key_id, "head", [head.seq, head.mac])


def outside_seal(key_id: str, seq: int, mac: str, *chained: str) -> str | None:
    """Return the seal of a row's place in the chain that is kept outside the database.

    `chained` is what ties it to the seal before: its number, its time and the seal it follows.
    """
    return _mac(key_id, "outside", [seq, mac, *chained])


def subjects_digest(patient_ids: Iterable[UUID]) -> str:
    """Return the digest of a set of patients, empty for none."""
    return digest_of_texts({str(patient_id) for patient_id in patient_ids})


def digest_of_texts(patient_ids: Iterable[str]) -> str:
    """Return the same for ids that were read as text, each as often as it stands there."""
    ids = sorted(patient_ids)
    return hashlib.sha256(",".join(ids).encode()).hexdigest() if ids else ""

"""The manifest of an archive: what is in it, under a signature of this installation. Knows neither rows nor pages."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from synapse.encryption import signing_keys
from synapse.encryption.signing_keys import Signature

FORMAT = "synapse-record"
VERSION = 1
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig.json"
_SIGNED = b"synapse record archive v1\0"


@dataclass(frozen=True)
class File:
    """One file of an archive."""

    path: str
    bytes: int
    sha256: str
    kind: str


@dataclass(frozen=True)
class Manifest:
    """All that an archive says about itself. `fields` and `counts` are by entity; `left_out` is told to the reader."""

    made_at: str
    installation: str
    patient: Mapping[str, Any]
    with_drafts: bool
    files: Sequence[File]
    fields: Mapping[str, Sequence[str]]
    counts: Mapping[str, int]
    left_out: Sequence[Mapping[str, Any]] = field(default_factory=list)
    format: str = FORMAT
    version: int = VERSION


def as_bytes(manifest: Manifest) -> bytes:
    """Return a manifest as it is stored; the signature is over these bytes."""
    return json.dumps(asdict(manifest), sort_keys=True, indent=1, ensure_ascii=False).encode()


def sign(content: bytes, keys: Sequence[str]) -> bytes:
    """Return the signature file of a manifest under the active (first) signing key."""
    made = signing_keys.sign(_SIGNED + content, keys)
    signature = {"format": "hmac-sha256 v1", "sha256": digest_of(content), **made._asdict()}
    return json.dumps(signature, sort_keys=True, indent=1).encode()


def is_known(signature: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Tell whether this installation holds the key a signature names."""
    return any(signing_keys.key_id(key) == signature.get("key_id") for key in keys)


def is_signed(content: bytes, signature: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Tell whether a manifest is what was signed with one of these keys."""
    said = Signature(str(signature.get("key_id", "")), str(signature.get("mac", "")))
    return signing_keys.is_signed(_SIGNED + content, said, keys)


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

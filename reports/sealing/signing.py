"""The seals of reports, addenda and co-signatures: how they are signed, and whether they still hold.

A signature is `<format>.<key id>.<HMAC>`. Format `v2` signs a hash that covers the document's place in its patient's
chain; `v1` is what reports were sealed with before there was one.
"""

import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.conf import settings

from reports.models import Addendum, CoSignature, Report, SealEntry
from reports.sealing import canonical
from reports.sealing.canonical import Place
from synapse.encryption import signing_keys
from synapse.encryption.signing_keys import Signature

FORMAT = "v2"
FIRST_FORMAT = "v1"

Document = Report | Addendum | CoSignature


class Seal(StrEnum):
    """What an opened document's seal says."""

    NONE = "none"  # not signed
    WHOLE = "whole"
    BROKEN = "broken"  # content, facts or signature were changed after signing
    ERASED = "erased"  # the content was erased on purpose: the hash can no longer be checked


@dataclass(frozen=True)
class Facts:
    """Who signed which document when; `digest` is what the signature stands for."""

    kind: SealEntry.Kind
    object_id: UUID
    digest: str
    signer_id: UUID | None
    signed_at: datetime | None


def digest_of(document: Document, place: Place) -> str:
    """Return the SHA-256 (hex) over a document as it stands and its place in the chain."""
    if isinstance(document, Report):
        return canonical.digest_of(canonical.report_format_2(document, place))
    if isinstance(document, Addendum):
        return canonical.digest_of(canonical.addendum_format_2(document, place))
    return canonical.digest_of(canonical.co_signature_format_2(document, place))


def make_signature(facts: Facts) -> str:
    """Return the signature over the facts under the active signing key."""
    return ".".join((FORMAT, *signing_keys.sign(_signed(FORMAT, facts), settings.SIGNING_KEY)))


def verify(document: Document) -> Seal:
    """Compare a document with its hash, its signature and its entry in the chain; any key still configured counts."""
    return verify_with(document, entry_of(document)) if document.is_signed else Seal.NONE


def verify_with(document: Document, entry: SealEntry | None) -> Seal:
    """Do as `verify` for a document that must be signed, with its entry at hand."""
    facts = facts_of(document, entry)
    if not document.is_signed or not _is_signature_right(document.signature, facts):
        return Seal.BROKEN
    is_chained = document.signature.startswith(f"{FORMAT}.")
    if is_chained and (entry is None or entry.digest != facts.digest or entry.patient_id != _patient_of(document)):
        return Seal.BROKEN
    if is_erased(document):
        return Seal.ERASED
    if is_chained and entry is not None:
        computed = digest_of(document, place_of(entry))
    elif isinstance(document, Report):
        computed = canonical.digest_of(canonical.report_format_1(document))
    else:
        return Seal.BROKEN
    return Seal.WHOLE if hmac.compare_digest(computed, facts.digest) else Seal.BROKEN


def _patient_of(document: Document) -> UUID:
    """Return whose record a document stands in now; it is sealed for one patient."""
    report = document if isinstance(document, Report) else document.report
    return report.session.patient_id


def facts_of(document: Document, entry: SealEntry | None) -> Facts:
    """Return who signed a document when. A co-signature keeps its own hash in the chain, and the report's beside it."""
    if isinstance(document, Report):
        signer_id, signed_at, digest = document.signed_by_id, document.signed_at, document.content_hash
    elif isinstance(document, Addendum):
        signer_id, signed_at, digest = document.author_id, document.signed_at, document.content_hash
    else:
        signer_id, signed_at, digest = document.supervisor_id, document.decided_at, entry.digest if entry else ""
    return Facts(kind_of(document), document.pk, digest, signer_id, signed_at)


def kind_of(document: Document) -> SealEntry.Kind:
    if isinstance(document, Report):
        return SealEntry.Kind.REPORT
    return SealEntry.Kind.ADDENDUM if isinstance(document, Addendum) else SealEntry.Kind.CO_SIGNATURE


def entry_of(document: Document) -> SealEntry | None:
    """Return a document's entry in its patient's chain; one that was read beforehand is not asked for again."""
    if "seal_entry" in document.__dict__:
        read: SealEntry | None = document.__dict__["seal_entry"]
        return read
    return SealEntry.objects.filter(kind=kind_of(document), object_id=document.pk).first()


def place_of(entry: SealEntry) -> Place:
    return Place(entry.patient_id, entry.number, entry.code, entry.previous_digest)


def is_erased(document: Document) -> bool:
    """Tell whether the words were erased on purpose. A co-signature's hash covers none, so it can still be checked."""
    return not isinstance(document, CoSignature) and document.erased_at is not None


def _is_signature_right(signature: str, facts: Facts) -> bool:
    version, _, rest = signature.partition(".")
    key_id, _, mac = rest.partition(".")
    if version not in {FORMAT, FIRST_FORMAT} or facts.signer_id is None or facts.signed_at is None or not facts.digest:
        return False
    return signing_keys.is_signed(_signed(version, facts), Signature(key_id, mac), settings.SIGNING_KEY)


def _signed(version: str, facts: Facts) -> bytes:
    signed = [facts.kind, str(facts.object_id), facts.digest, str(facts.signer_id), canonical.moment(facts.signed_at)]
    parts = signed if version == FIRST_FORMAT else [version, *signed]
    return json.dumps(parts).encode()

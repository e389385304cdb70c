"""Adding a signature to its patient's chain, in the transaction that signs."""

from datetime import datetime
from uuid import UUID

from reports.models import SealEntry
from reports.sealing import chain, signing
from reports.sealing.canonical import Place
from reports.sealing.signing import Facts
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record


def next_place(patient_id: UUID) -> Place:
    """Return where the next signature of a patient goes. Inside `unit_of_work()`: its lock keeps others waiting."""
    last = SealEntry.objects.filter(patient_id=patient_id).order_by("-number").first()
    number, digest = (last.number, last.chain_digest) if last else (0, "")
    return Place(patient_id, number + 1, chain.new_code(), digest)


def add_entry(document: signing.Document, facts: Facts, place: Place, *, by: User, at: datetime) -> SealEntry:
    """Append the entry of a document that was just signed, and write the audit row that names it."""
    entry = SealEntry(
        patient_id=place.patient_id,
        number=place.number,
        kind=facts.kind,
        object_id=facts.object_id,
        code=place.code,
        digest=facts.digest,
        previous_digest=place.previous_digest,
        signed_by=by,
        sealed_at=at,
    )
    entry.chain_digest = chain.link_digest(entry)
    entry.save(force_insert=True)
    # The audit trail is sealed outside the database: it tells of entries cut off the end of the chain.
    detail = {"kind": facts.kind.value, "hash": facts.digest, "seal": entry.number, "chain": entry.chain_digest}
    record(Action.SIGN, by=by, target=document, patient_id=place.patient_id, detail=detail)
    return entry

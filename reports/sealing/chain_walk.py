"""Walk patients' chains of seals: find an entry or a signed document that is not as it was signed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from patients.models import Patient
from reports.models import Addendum, CoSignature, Report, SealEntry
from reports.sealing import chain, signing
from reports.sealing.signing import Document, Seal
from synapse.audit.models import Action, AuditEvent, Outcome

NOUNS = {
    SealEntry.Kind.REPORT: "report",
    SealEntry.Kind.ADDENDUM: "addendum",
    SealEntry.Kind.CO_SIGNATURE: "co-signature",
}


@dataclass(frozen=True)
class Broken:
    """The first thing in a patient's chain that is not as it was signed."""

    patient: str
    number: int
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What a walk over one patient's chain found."""

    entries: int
    erased: int
    broken: Broken | None = None


def walk_chains(patients: Iterable[Patient]) -> Iterator[Verdict]:
    """Yield what was found for each patient who has, or should have, a chain."""
    for patient in patients:
        verdict = walk_chain(patient)
        if verdict.entries or verdict.broken:
            yield verdict


def walk_chain(patient: Patient) -> Verdict:
    """Walk one chain from its first entry: links, documents, then what is signed and missing in it."""
    entries = list(SealEntry.objects.filter(patient=patient).order_by("number"))
    documents = _documents_of(entries)
    erased = 0
    before = None
    for entry in entries:
        document = documents.get((entry.kind, entry.object_id))
        reason = link_fault(entry, before) or _document_fault(entry, document)
        if reason:
            number = before.number + 1 if before else 1
            return Verdict(len(entries), erased, Broken(patient.patient_id, number, reason))
        erased += document is not None and signing.is_erased(document)
        before = entry
    missing = _missing_entry(patient, entries)
    broken = Broken(patient.patient_id, len(entries) + 1, missing) if missing else None
    return Verdict(len(entries), erased, broken)


def are_links_whole(patient_id: UUID) -> bool:
    """Tell whether every entry of a patient's chain follows the one before; their documents are not read."""
    before = None
    for entry in SealEntry.objects.filter(patient_id=patient_id).order_by("number"):
        if link_fault(entry, before):
            return False
        before = entry
    return True


def link_fault(entry: SealEntry, before: SealEntry | None) -> str:
    """Say what is wrong with an entry right after `before`; empty when nothing is."""
    number, digest = (before.number, before.chain_digest) if before else (0, "")
    if entry.number != number + 1:
        return "the entry is missing"
    if entry.chain_digest != chain.link_digest(entry):
        return "the entry was changed"
    if entry.previous_digest != digest:
        return "the entry does not follow the one before it"
    return ""


def _document_fault(entry: SealEntry, document: Document | None) -> str:
    noun = NOUNS[SealEntry.Kind(entry.kind)]
    if document is None:
        return f"the {noun} is gone"
    report = document if isinstance(document, Report) else document.report
    if report.session.patient_id != entry.patient_id:
        return f"the {noun} stands under another patient"
    facts = signing.facts_of(document, entry)
    if (facts.digest, facts.signer_id, facts.signed_at) != (entry.digest, entry.signed_by_id, entry.sealed_at):
        return f"the {noun} is not the one that was signed"
    if signing.verify_with(document, entry) is Seal.BROKEN:
        return f"the {noun} was changed after it was signed"
    return ""


def _missing_entry(patient: Patient, entries: list[SealEntry]) -> str:
    """Say what was signed and has no entry: by the documents themselves, and by the audit trail."""
    known = {(entry.kind, entry.object_id) for entry in entries}
    for kind, model in _MODELS.items():
        path = "session__patient" if model is Report else "report__session__patient"
        signed = model.objects.filter(status="signed", **{path: patient}).values_list("pk", flat=True)
        if any((kind, pk) not in known for pk in signed):
            return f"a signed {NOUNS[kind]} has no entry"
    links = {entry.chain_digest for entry in entries}
    signatures = AuditEvent.objects.filter(action=Action.SIGN, outcome=Outcome.ALLOWED, patient_id=patient.pk)
    for detail in signatures.order_by("seq").values_list("detail", flat=True):
        if "chain" in detail and detail["chain"] not in links:
            return f"entry {detail['seal']} stands in the audit trail and not here"
    return ""


def _documents_of(entries: list[SealEntry]) -> dict[tuple[str, UUID], Document]:
    found: dict[tuple[str, UUID], Document] = {}
    for kind, model in _MODELS.items():
        wanted = [entry.object_id for entry in entries if entry.kind == kind]
        related = "session" if model is Report else "report__session"
        for document in model.objects.select_related(related).filter(pk__in=wanted):
            found[kind, document.pk] = document
    return found


_MODELS: dict[SealEntry.Kind, type[Report] | type[Addendum] | type[CoSignature]] = {
    SealEntry.Kind.REPORT: Report,
    SealEntry.Kind.ADDENDUM: Addendum,
    SealEntry.Kind.CO_SIGNATURE: CoSignature,
}

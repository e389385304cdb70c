"""What a code printed on a document tells somebody without a login: who sealed it, when, whether it still holds.

Nothing of the patient, and nothing of the content: not even what the report is called.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reports.models import Addendum, CoSignature, Report, SealEntry
from reports.printing import rendering
from reports.sealing import chain, chain_walk, seals, signing
from reports.sealing.signing import Document, Seal
from synapse.accounts.models import User
from synapse.documents import pdf_signature


@dataclass(frozen=True)
class Later:
    """Something signed after the document it belongs to."""

    words: str
    at: datetime | None

    @property
    def signed(self) -> str:
        """When, in the clinic's zone, as it is printed."""
        return rendering.moment(self.at) if self.at else ""


@dataclass(frozen=True)
class Sealed:
    """A signed document as its code names it."""

    entry: SealEntry
    document: Document
    what: str
    signer: rendering.Header
    seal: Seal
    is_chain_whole: bool
    later: list[Later]

    @property
    def signed(self) -> str:
        """When, in the clinic's zone, as it is printed on the document."""
        return rendering.moment(self.entry.sealed_at)

    @property
    def is_report(self) -> bool:
        return isinstance(self.document, Report)

    @property
    def holds(self) -> bool:
        return self.seal is Seal.WHOLE and self.is_chain_whole

    @property
    def is_erased(self) -> bool:
        return self.seal is Seal.ERASED and self.is_chain_whole


class Match(StrEnum):
    """What comparing a file with a sealed document found."""

    SAME = "same"
    NOT_SIGNED = "not_signed"
    FOREIGN = "foreign"
    CHANGED = "changed"
    OTHER = "other"
    RECORD_CHANGED = "record_changed"


MATCH_WORDS = {
    Match.SAME: ("ok", "The file is the signed document.", "Not one byte of it was changed since it was handed out."),
    Match.NOT_SIGNED: (
        "warn",
        "The file carries no signature that can be read.",
        "A scan, a printout saved as PDF and other formats than PDF cannot be compared: compare the words by eye.",
    ),
    Match.FOREIGN: (
        "rec",
        "The file was signed by somebody else.",
        "Its signature is not this clinic’s. Do not rely on it; ask the clinic for the document.",
    ),
    Match.CHANGED: (
        "rec",
        "The file was changed after it was signed.",
        "It carries this clinic’s signature, which does not fit it any more. Do not rely on it.",
    ),
    Match.OTHER: (
        "warn",
        "The file is another document of this clinic.",
        "It is whole, and has a code of its own at its end: check it with that one.",
    ),
    Match.RECORD_CHANGED: (
        "rec",
        "The file is not what the clinic has under this code.",
        "Ask the clinic which of the two is right.",
    ),
}


def find_sealed(typed: str) -> Sealed | None:
    """Return the document a code stands for, however the code was typed; None for every code that is not one."""
    entry = SealEntry.objects.filter(code=chain.read_code(typed)).first()
    document = _document_of(entry) if entry else None
    if entry is None or document is None:
        return None
    return Sealed(
        entry=entry,
        document=document,
        what=_what(document),
        signer=rendering.header_of(User.objects.get(pk=entry.signed_by_id), with_logo=False),
        seal=signing.verify_with(document, entry),
        is_chain_whole=chain_walk.are_links_whole(entry.patient_id),
        later=list(_later(document)),
    )


def compare_file(data: bytes, sealed: Sealed) -> Match:
    """Compare a PDF with a sealed document by the clinic's signature in it and the code and hash it states."""
    verdict = pdf_signature.read_signature(data)
    if not verdict.is_signed:
        return Match.NOT_SIGNED
    if not verdict.is_ours:
        return Match.FOREIGN
    if not verdict.is_whole:
        return Match.CHANGED
    stated = seals.stated_seal(verdict.reason)
    if stated is None or stated[0] != sealed.entry.code:
        return Match.OTHER
    return Match.SAME if stated[1] == sealed.entry.digest else Match.RECORD_CHANGED


def _document_of(entry: SealEntry) -> Document | None:
    if entry.kind == SealEntry.Kind.REPORT:
        return Report.objects.select_related("session").filter(pk=entry.object_id).first()
    model = Addendum if entry.kind == SealEntry.Kind.ADDENDUM else CoSignature
    return model.objects.select_related("report__session").filter(pk=entry.object_id).first()


def _what(document: Document) -> str:
    if isinstance(document, Report):
        return f"Report, version {document.version}"
    if isinstance(document, Addendum):
        return f"Addendum {document.number} to a report, version {document.report.version}"
    return f"Supervisor’s signature on a report, version {document.report.version}"


def _later(document: Document) -> Iterator[Later]:
    """Yield what was signed after a document, oldest first by kind."""
    report = document if isinstance(document, Report) else document.report
    if isinstance(document, Report):
        signed = report.co_signatures.signed()
        for co_signature in signed:
            name = rendering.header_of(co_signature.supervisor, with_logo=False).practitioner
            yield Later(f"Co-signed by {name}", co_signature.decided_at)
        for addendum in report.addenda.signed():
            yield Later(f"Addendum {addendum.number} was added", addendum.signed_at)
    newer = Report.objects.filter(
        session_id=report.session_id,
        report_type=report.report_type,
        version__gt=report.version,
        status=Report.Status.SIGNED,
    )
    for version in newer.order_by("version"):
        verb = "amends" if version.amends_id == report.pk else "replaces"
        yield Later(f"Version {version.version} {verb} version {report.version}", version.signed_at)

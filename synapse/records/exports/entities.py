"""What a record consists of: every kind of row about a patient, whether an archive holds it, and why not.

A test holds this table against the database: a new table that leads to a patient is named here or in `LEFT_OUT`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import Q, QuerySet

KEYHOLE = "opens something, or proves who somebody is"
# Columns no archive holds, wherever they stand.
NEVER = frozenset(
    {
        "token_hash",
        "pin_hash",
        "wrong_pins",
        "stream_token_hash",
        "name_hash",
        "phone_hash",
        "email_hash",
        "audio_name",
        "lease_until",
        "provider_reference",
    }
)


@dataclass(frozen=True)
class Entity:
    """One kind of row: the table, the way from it to the patient, and what of it is given away.

    `finished` is the condition of rows that count as finished; others are drafts. `loads` says whether an installation
    that takes the archive in makes rows of them, in the order of the table.
    """

    name: str
    title: str
    label: str
    patient: str
    finished: Q | None = None
    loads: bool = True
    hidden: Mapping[str, str] = field(default_factory=dict)

    @property
    def model(self) -> type[models.Model]:
        return apps.get_model(self.label)

    @property
    def fields(self) -> "list[models.Field[Any, Any]]":
        """Return the columns an archive holds, in the order of the table."""
        return [
            one for one in self.model._meta.concrete_fields if one.name not in NEVER and one.name not in self.hidden
        ]

    def rows(self, record_ids: Sequence[UUID], *, with_drafts: bool = False) -> QuerySet[Any]:
        """Return the rows of these records, the oldest first."""
        path = f"{self.patient}__in" if self.patient else "pk__in"
        rows = self.model._base_manager.filter(**{path: record_ids})
        if self.finished is not None and not with_drafts:
            rows = rows.filter(self.finished)
        names = {one.name for one in self.model._meta.concrete_fields}
        return rows.order_by("created_at" if "created_at" in names else "pk", "pk")

    def drafts(self, record_ids: Sequence[UUID]) -> int:
        """Return how many rows are left out because nobody finished them."""
        if self.finished is None:
            return 0
        everything = self.rows(record_ids, with_drafts=True)
        return everything.count() - everything.filter(self.finished).count()


CONFIDENCE = "what the clinician noted besides; it may hold what others said in confidence (45 CFR 164.524(a)(2)(v))"
OTHERS = "may name another patient"
LIVE = ("in_progress", "paused", "error")
OF_SESSION, OF_REPORT = "session__patient", "report__session__patient"

# In the order in which rows can be written: what is named comes before what names it.
ENTITIES: tuple[Entity, ...] = (
    Entity("patient", "The person", "patients.Patient", ""),
    Entity("accesses", "Who may open the record", "patients.PatientAccess", "patient", hidden={"handover": OTHERS}),
    Entity("emergency_accesses", "Openings in an emergency", "patients.EmergencyAccess", "patient", loads=False),
    Entity("merges", "Records put together", "patients.PatientMerge", "kept", loads=False),
    Entity("consents", "Consents", "patients.Consent", "patient"),
    Entity("consent_signatures", "Signatures under consents", "patients.ConsentSignature", "consent__patient"),
    Entity("consent_links", "Consents asked for by link", "patients.ConsentLink", "consent__patient", loads=False),
    Entity(
        "sessions",
        "Sessions",
        "sessions_app.ConsultationSession",
        "patient",
        finished=~Q(status__in=LIVE),
        hidden={"private_context": CONFIDENCE},
    ),
    Entity("appointment_series", "Repeating visits", "scheduling.AppointmentSeries", "patient", loads=False),
    Entity(
        "appointments",
        "Visits",
        "scheduling.Appointment",
        "patient",
        hidden={"overbooking_reason": OTHERS},
    ),
    Entity("messages", "Messages about visits", "scheduling.AppointmentMessage", "patient", loads=False),
    Entity(
        "answers",
        "Answers to messages",
        "scheduling.AppointmentLink",
        "appointment__patient",
        loads=False,
    ),
    Entity("waiting", "Waiting list", "scheduling.WaitingEntry", "patient", loads=False),
    Entity("offers", "Times offered", "scheduling.SlotOffer", "entry__patient", loads=False, hidden={"slot": OTHERS}),
    Entity("walk_ins", "Arrivals without a visit", "scheduling.WalkIn", "appointment__patient", loads=False),
    Entity(
        "session_events",
        "Pauses, marks and gaps",
        "sessions_app.SessionEvent",
        OF_SESSION,
        finished=~Q(session__status__in=LIVE),
    ),
    Entity(
        "transcriptions", "Transcripts", "sessions_app.Transcription", OF_SESSION, finished=~Q(session__status__in=LIVE)
    ),
    Entity(
        "transcript_edits", "Corrections of transcripts", "sessions_app.TranscriptEdit", f"transcription__{OF_SESSION}"
    ),
    Entity("reports", "Reports", "reports.Report", OF_SESSION, finished=Q(status="signed")),
    Entity("addenda", "Addenda", "reports.Addendum", OF_REPORT, finished=Q(status="signed", report__status="signed")),
    Entity(
        "co_signatures",
        "Signatures of supervisors",
        "reports.CoSignature",
        OF_REPORT,
        finished=Q(report__status="signed"),
    ),
    Entity("seals", "Seals", "reports.SealEntry", "patient"),
    Entity(
        "summaries",
        "Summaries in plain words",
        "reports.PatientSummary",
        OF_REPORT,
        finished=Q(ticked_at__isnull=False),
    ),
    Entity("shares", "Reports shared by link", "reports.ReportShare", OF_REPORT, loads=False),
    Entity("share_openings", "Openings of shared reports", "reports.ShareOpening", f"share__{OF_REPORT}", loads=False),
    Entity("bills", "Bills", "billing.Bill", "patient", finished=~Q(bill_number=None)),
    Entity("claims", "Claims", "billing.Claim", "bill__patient", loads=False),
    Entity("payments", "Payments", "billing.Payment", "patient"),
    Entity("ledger", "Ledger", "billing.LedgerEntry", "patient"),
    Entity("accounts", "Credit", "billing.PatientAccount", "patient"),
    Entity("bill_messages", "Messages about bills", "billing.BillMessage", "patient", loads=False),
    Entity("bill_links", "Bills sent by link", "billing.BillLink", "patient", loads=False),
    Entity(
        "payment_links",
        "Links to pay",
        "billing.PaymentLink",
        "bill__patient",
        loads=False,
        hidden={"url": KEYHOLE, "reported": "what the payment provider sent, unread"},
    ),
    Entity("disclosures", "Disclosures noted by hand", "oversight.NotedDisclosure", "patient", loads=False),
    Entity("access_requests", "Requests for this record", "records.AccessRequest", "patient", loads=False),
    Entity("amendment_requests", "Requests for a correction", "records.AmendmentRequest", "patient", loads=False),
)

# Tables that lead to a patient and are in no archive.
LEFT_OUT: Mapping[str, str] = {
    "patients.ConsentSitting": "Tablets that were handed over: what was answered there are consents.",
    "patients.PatientToken": "Keyed search tokens: they say nothing without the key.",
    "sessions_app.RecordingKey": "Keys of recordings: the recordings themselves are in the archive, unlocked.",
    "sessions_app.AudioUpload": "How files arrived, part by part: what they held is the recording.",
    "sessions_app.SessionMove": "Sessions recorded under another patient by mistake: they name that patient.",
    "scheduling.FreedSlot": "Times that became free and who took them: they name other patients.",
    "reports.SectionRewrite": "Wishes to the writing program about drafts.",
    "patients.LegalHold": "Orders of a court to keep the record.",
    "erasure.Erasure": "Requests to erase the record: whoever asked has the answer.",
    "erasure.ErasureCertificate": "Certificates of an erasure, given by themselves.",
    "records.RecordExport": "Files like this one.",
    "records.ExportLink": "Links to files like this one.",
    "records.ExportPart": "Pieces of files like this one.",
}

# What is kept by other rules, and is told in every archive.
WITHHELD = (
    (
        "Psychotherapy notes",
        "Notes a clinician keeps apart from the record are not part of it (45 CFR 164.524(a)(1)(i)).",
    ),
    ("Private context of sessions", f"{CONFIDENCE[:1].upper()}{CONFIDENCE[1:]}."),
    ("Search tokens, keys, links and codes", "They open or find something and say nothing about you."),
    ("Other people’s records", "Only your own record is in here."),
)

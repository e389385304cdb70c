"""What goes into an archive, file by file. Every file is made when it is asked for, and none is held whole but a PDF."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from billing.documents import sheets as documents
from billing.models import Bill, LedgerEntry, Payment
from patients.consents.texts import first_text_of
from patients.models import Patient
from reports import services
from reports.models import PatientSummary, Report
from reports.printing import exports as report_files
from reports.printing import loading
from reports.printing.exports import Document
from scheduling.models import Appointment, AppointmentMessage
from sessions_app import queries
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.recordings import playing
from sessions_app.spool.errors import KeyDestroyed, SpoolDamaged
from synapse import storage
from synapse.accounts.models import User
from synapse.documents.pdf import DocumentError
from synapse.fhir.everything import everything_about
from synapse.records.exports import trail
from synapse.records.exports.entities import ENTITIES, Entity
from synapse.records.exports.values import Plain, row_to_plain, to_plain
from synapse.web.csv import harmless

Parts = Iterator[bytes]


@dataclass(frozen=True)
class Item:
    """One file to be: where, of which kind, in words, and how its bytes are made."""

    path: str
    kind: str
    title: str
    parts: Callable[[], Iterable[bytes]]


def _make_now(name: str, make: Callable[[], Document]) -> Document:
    return make()


@dataclass
class Record:
    """What an archive is about, and what was found while it was made. `by` reads: in their scope and no other.

    `shelf(name, make)` returns a document, made now or kept from an earlier run.
    """

    patient: Patient
    by: User
    at: datetime
    with_drafts: bool = False
    shelf: Callable[[str, Callable[[], Document]], Document] = _make_now
    counts: Counter[str] = field(default_factory=Counter)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    people: set[UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.records = list(self.patient.records().order_by("patient_id"))
        self.ids = [record.pk for record in self.records]

    def leave_out(self, what: str, why: str, number: int = 1) -> None:
        self.left_out.append({"what": what, "why": why, "number": number})


def items_of(record: Record) -> Iterator[Item]:
    """Return every file of a record but index and manifest, in their order; the counts are right once all were made."""
    yield Item("fhir/record.json", "fhir", "The record as FHIR R4", lambda: _fhir(record))
    yield from _documents(record)
    yield from _bills(record)
    yield from _transcripts(record)
    yield from _sounds(record)
    yield Item("visits/visits.csv", "table", "Visits", lambda: _csv(VISIT_COLUMNS, _visit_rows(record)))
    yield Item("visits/messages.csv", "table", "Messages about visits", lambda: _csv(MESSAGES, _message_rows(record)))
    yield Item("bills/bills.csv", "table", "Bills", lambda: _csv(BILL_COLUMNS, _bill_rows(record)))
    yield Item("bills/ledger.csv", "table", "Ledger", lambda: _csv(LEDGER_COLUMNS, _ledger_rows(record)))
    yield Item(
        "audit/who-looked.csv", "audit", "Who looked at the record", lambda: _csv(trail.COLUMNS, trail.rows(record.ids))
    )
    yield Item(
        "audit/disclosures.csv",
        "audit",
        "Who outside the clinic got something",
        lambda: _csv(trail.DISCLOSED, trail.disclosed(record.ids, at=record.at)),
    )
    for entity in ENTITIES:
        yield Item(f"data/{entity.name}.json", "data", entity.title, partial(_entity, record, entity))
    yield Item("data/templates.json", "data", "Forms the reports were written with", lambda: _templates(record))
    # Last: by now every row that names somebody was read.
    yield Item("data/people.json", "data", "People of the clinic named in the record", lambda: _people(record))


def _documents(record: Record) -> Iterator[Item]:
    reports = Report.objects.filter(session__patient__in=record.ids, erased_at=None)
    states = [Report.Status.SIGNED, *([Report.Status.COMPLETED] if record.with_drafts else [])]
    for pk in reports.filter(status__in=states).order_by("created_at", "pk").values_list("pk", flat=True):
        report = loading.for_printing(Report.objects.filter(pk=pk)).get()
        loading.attach_seals([report])
        if services.broken_ones([report], by=record.by):
            record.leave_out(f"Report {report.pk.hex[:8]} as PDF", "It was changed after it was signed.")
            continue
        for file_type in ("pdf", "txt"):
            make = partial(report_files.render, report, file_type=file_type, at=record.at)
            title = f"{report.title}, version {report.version}"
            yield from _printed(record, "reports", f"report-{report.pk}-{file_type}", title, make)
    summaries = PatientSummary.objects.filter(report__session__patient__in=record.ids, report__erased_at=None)
    for summary in summaries.filter(ticked_at__isnull=False).select_related("report").order_by("created_at"):
        make = partial(report_files.render_summary, summary)
        yield from _printed(record, "reports", f"summary-{summary.pk}", "Summary in plain words", make)


def _bills(record: Record) -> Iterator[Item]:
    for bill in Bill.objects.filter(patient__in=record.ids).exclude(bill_number=None).order_by("bill_number"):
        make = partial(_sheet, "invoice", at=record.at, bill=bill)
        yield from _printed(record, "bills", f"invoice-{bill.pk}", f"Invoice {bill.bill_number}", make)
    for payment in Payment.objects.filter(patient__in=record.ids).order_by("receipt_number"):
        make = partial(_sheet, "receipt", at=record.at, payment=payment)
        yield from _printed(record, "bills", f"receipt-{payment.pk}", f"Receipt {payment.receipt_number}", make)
    make = partial(_sheet, "statement", at=record.at, patient=record.patient)
    yield from _printed(record, "bills", "statement", "Statement", make)


def _sheet(kind: str, *, at: datetime, **about: Any) -> Document:
    sheet = documents.sheet_of(kind, at=at, **about)
    return Document(documents.to_pdf(sheet), "application/pdf", sheet.file_name)


def _printed(record: Record, folder: str, name: str, title: str, make: Callable[[], Document]) -> Iterator[Item]:
    """Lay a document out now: one that cannot be is told instead of ending everything."""
    try:
        document = record.shelf(name, make)
    except DocumentError:
        record.leave_out(f"{title} as PDF", "It could not be laid out; its words are among the data.")
        return
    yield Item(f"{folder}/{document.file_name}", "document", title, lambda: [document.content])


def _finished(record: Record) -> "Iterator[Transcription]":
    done = Transcription.objects.filter(session__patient__in=record.ids, status=Transcription.Status.COMPLETED)
    done = done.exclude(session__status__in=ConsultationSession.LIVE).select_related("session")
    return done.order_by("session__started_at", "retry_count").iterator(chunk_size=5)


def _transcripts(record: Record) -> Iterator[Item]:
    for one in _finished(record):
        name = f"transcripts/{one.session.session_id}{f'-{one.retry_count}' if one.retry_count else ''}"
        title = f"Transcript of {one.session.session_id}"
        yield Item(f"{name}.txt", "transcript", title, partial(_lines, one))
        yield Item(f"{name}.json", "transcript", title, partial(_segments, one))


def _lines(one: Transcription) -> Parts:
    yield f"{one.session.session_id}, {to_plain(one.session.started_at)}\n\n".encode()
    for segment in one.segments:
        seconds = int(segment["start_ms"]) // 1000
        clock = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        yield f"[{clock}] {segment['speaker']}: {segment['text']}\n".encode()


def _segments(one: Transcription) -> Parts:
    yield _json(one.segments)


def _sounds(record: Record) -> Iterator[Item]:
    for session in ConsultationSession.objects.filter(patient__in=record.ids).order_by("started_at"):
        if session.is_live:
            record.leave_out(f"Session {session.session_id}", "It is still going on.")
            continue
        if not queries.has_audio(session):
            if session.audio_deleted_at is not None:
                record.leave_out(f"Recording of {session.session_id}", "It was deleted; its words and report stay.")
            continue
        try:
            sound = playing.sound_of(session)
        except (storage.StorageError, SpoolDamaged, KeyDestroyed):
            record.leave_out(f"Recording of {session.session_id}", "It could not be read.")
            continue
        ending = "ogg" if session.audio_name else "wav"
        title = f"Recording of {session.session_id}"
        yield Item(f"audio/{session.session_id}.{ending}", "audio", title, partial(sound.read, 0, sound.size))


def _fhir(record: Record) -> Parts:
    yield b'{"resourceType": "Bundle", "type": "collection", "entry": ['
    for place, resource in enumerate(everything_about(record.patient, by=record.by, at=record.at)):
        yield (b",\n" if place else b"\n") + _json({"resource": resource})
    yield b"\n]}\n"


def _entity(record: Record, entity: Entity) -> Parts:
    fields = entity.fields
    people = [one.attname for one in fields if one.is_relation and one.related_model is User]
    rows = entity.rows(record.ids, with_drafts=record.with_drafts)
    yield b"["
    for place, row in enumerate(rows.iterator(chunk_size=20)):
        record.people.update(person for name in people if (person := getattr(row, name)) is not None)
        record.counts[entity.name] += 1
        yield (b",\n" if place else b"\n") + _json(_extended(entity, row_to_plain(row, fields)))
    yield b"\n]\n"
    if unfinished := (0 if record.with_drafts else entity.drafts(record.ids)):
        record.leave_out(
            entity.title, "Not finished: drafts are no part of the record until they are signed or issued.", unfinished
        )


def _extended(entity: Entity, plain: Plain) -> Plain:
    """Put the words a person agreed to beside their answer: the first rows held only their version."""
    if entity.name != "consents":
        return plain
    words = first_text_of(plain["kind"], plain["text_version"])
    title, text = (words.title, words.text) if words else ("", "")
    return plain | {"title": plain["text_title"] or title, "text": plain["text_words"] or text}


def _templates(record: Record) -> Parts:
    reports = Report.objects.filter(session__patient__in=record.ids)
    if not record.with_drafts:
        reports = reports.filter(status=Report.Status.SIGNED)
    rows = (
        reports.order_by("template_id")
        .values_list("template_id", "template__slug", "template__name", "template__structure")
        .distinct()
    )
    plain = [
        dict(zip(("id", "slug", "name", "structure"), map(to_plain, row), strict=True))
        for row in {row[0]: row for row in rows}.values()
    ]
    yield _json(plain)


def _people(record: Record) -> Parts:
    found = User.objects.filter(pk__in=record.people).select_related("profile").order_by("pk")
    yield _json([_person(user) for user in found])


def _person(user: User) -> Plain:
    profile = getattr(user, "profile", None)
    return {
        "id": str(user.pk),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role": user.role,
        "license_number": profile.license_number if profile else "",
        "specialization": profile.specialization if profile else "",
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


VISIT_COLUMNS = ("When", "Minutes", "Kind", "State", "Clinician", "Reason")
MESSAGES = ("Due", "Sent", "Kind", "Channel", "State")
BILL_COLUMNS = ("Number", "Date", "Due", "State", "Currency", "Total", "Paid", "Open")
LEDGER_COLUMNS = ("When", "Bill", "Kind", "Currency", "Amount", "Method", "Reference", "Reason")


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Parts:
    """Yield a table no spreadsheet takes a formula from."""
    for row in [columns, *rows]:
        line = io.StringIO()
        csv.writer(line).writerow([harmless(cell) for cell in row])
        yield line.getvalue().encode()


def _visit_rows(record: Record) -> Iterator[Sequence[object]]:
    visits = Appointment.objects.filter(patient__in=record.ids).select_related("doctor").order_by("scheduled_at")
    for one in visits.iterator(chunk_size=100):
        yield (
            to_plain(one.scheduled_at),
            one.duration_minutes,
            one.get_appointment_type_display(),
            one.get_status_display(),
            one.doctor.display_name,
            one.chief_complaint,
        )


def _message_rows(record: Record) -> Iterator[Sequence[object]]:
    for one in AppointmentMessage.objects.filter(patient__in=record.ids).order_by("due_at").iterator(chunk_size=100):
        yield (
            to_plain(one.due_at),
            to_plain(one.sent_at),
            one.get_kind_display(),
            one.get_channel_display(),
            one.get_status_display(),
        )


def _bill_rows(record: Record) -> Iterator[Sequence[object]]:
    bills = Bill.objects.filter(patient__in=record.ids).exclude(bill_number=None).order_by("bill_number")
    for one in bills.iterator(chunk_size=100):
        yield (
            one.bill_number,
            one.bill_date,
            one.due_date,
            one.get_status_display(),
            one.currency,
            one.total_amount,
            one.paid_amount,
            one.outstanding_amount,
        )


def _ledger_rows(record: Record) -> Iterator[Sequence[object]]:
    entries = LedgerEntry.objects.filter(patient__in=record.ids).select_related("bill").order_by("at", "position")
    for one in entries.iterator(chunk_size=100):
        yield (
            to_plain(one.at),
            (one.bill.bill_number or "") if one.bill else "",
            one.get_kind_display(),
            one.currency,
            one.amount,
            one.get_method_display(),
            one.reference,
            one.reason,
        )

"""What stands against erasing somebody now: the law's duty to keep a record is stronger than a wish."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

from django.db.models import Max, Q, QuerySet, UUIDField
from django.db.models.functions import Coalesce

from billing.models import Bill
from patients import holds
from patients.models import Patient
from reports.models import Report
from scheduling.models import Appointment
from sessions_app.models import AudioUpload, ConsultationSession, Transcription
from synapse.accounts.models import ClinicSettings


class Obstacle(StrEnum):
    """Why an erasure has to wait. Only the law's time of keeping gives way to an order of a court or an authority."""

    HOLD = "legal_hold"
    RETENTION = "retention"
    RUNNING = "running"
    VISITS = "visits"
    BILLS = "bills"


@dataclass(frozen=True)
class Refusal:
    """One obstacle in words."""

    obstacle: Obstacle
    sentence: str


def refusals(patient: Patient, at: datetime, *, has_order: bool = False) -> list[Refusal]:
    """Return what stands against erasing a person now; with an order the time of keeping does not."""
    found = [_of_hold(patient), None if has_order else _of_retention(patient, at), *_of_open_work(patient, at)]
    return [refusal for refusal in found if refusal is not None]


def kept_until(patient: Patient) -> date | None:
    """Return the day until which the law asks for the record, or None where nobody was ever treated."""
    return kept_until_by_record([patient])[patient.pk]


def kept_until_by_record(patients: Sequence[Patient]) -> dict[UUID, date | None]:
    """Return what `kept_until` says of each record; as many queries for many as for one.

    The clinic's years count from the last treatment; of somebody who was a minor then, not before majority and its
    own years are over.
    """
    clinic, moments = ClinicSettings.load(), _last_treated([patient.kept_id for patient in patients])
    days: dict[UUID, date | None] = {}
    for patient in patients:
        moment = moments.get(patient.kept_id)
        days[patient.pk] = _end_of_keeping(patient, clinic.date_of(moment), clinic) if moment else None
    return days


def _end_of_keeping(patient: Patient, last: date, clinic: ClinicSettings) -> date:
    until = add_years(last, clinic.record_retention_years)
    of_age_on = add_years(patient.kept_record.date_of_birth, clinic.majority_age)
    if last < of_age_on:
        until = max(until, add_years(of_age_on, clinic.minor_retention_years))
    return until


def _last_treated(kept_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Return by kept record the moment of the last treatment under any record of the person."""
    records = Patient.objects.records_of_all(kept_ids)
    person = Coalesce("patient__merged_into_id", "patient_id", output_field=UUIDField())
    sessions = ConsultationSession.objects.filter(patient__in=records).values(person=person)
    visits = Appointment.objects.filter(patient__in=records, status=Appointment.Status.COMPLETED).values(person=person)
    seen = records.values(person=Coalesce("merged_into_id", "pk", output_field=UUIDField()))
    found: dict[UUID, datetime] = {}
    for rows in (
        sessions.annotate(last=Max(Coalesce("ended_at", "started_at"))),
        visits.annotate(last=Max("scheduled_at")),
        seen.annotate(last=Max("last_seen_at")),
    ):
        for person_id, last in rows.values_list("person", "last"):
            if last is not None:
                found[person_id] = max(last, found.get(person_id, last))
    return found


def mark_due(at: datetime) -> int:
    """Note which records are past their time, and which are no longer; return how many are. The daily sweep runs it."""
    clinic = ClinicSettings.load()
    before = datetime.combine(add_years(clinic.date_of(at), -clinic.record_retention_years), time.min, clinic.zone)
    standing = Patient.objects.filter(erased_at=None, merged_into=None)
    marked = standing.filter(due_for_erasure_since__isnull=False)
    for patient in marked.iterator():
        if not _is_due(patient, at):
            Patient.objects.filter(pk=patient.pk).update(due_for_erasure_since=None)
    # Somebody seen or booked since is left out early; whether the others are due, their birth date decides.
    lately = Q(consultation_sessions__started_at__gte=before) | Q(appointments__scheduled_at__gte=before)
    seen = Patient.objects.filter(lately).values("pk")
    candidates = standing.filter(due_for_erasure_since=None, last_seen_at__lt=before).exclude(pk__in=seen)
    for patient in candidates.iterator():
        if _is_due(patient, at):
            Patient.objects.filter(pk=patient.pk).update(due_for_erasure_since=at)
    return marked.count()


def _is_due(patient: Patient, at: datetime) -> bool:
    until = kept_until(patient)
    return until is not None and until < ClinicSettings.load().date_of(at) and not holds.is_held(patient.pk)


def add_years(day: date, years: int) -> date:
    """Return the same day in another year; 29 February becomes 1 March where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def _of_hold(patient: Patient) -> Refusal | None:
    return Refusal(Obstacle.HOLD, holds.OnHold().message) if holds.is_held(patient.pk) else None


def _of_retention(patient: Patient, at: datetime) -> Refusal | None:
    until = kept_until(patient)
    if until is None or until < ClinicSettings.load().date_of(at):
        return None
    return Refusal(
        Obstacle.RETENTION,
        f"The law asks the clinic to keep this record until {until.day} {until:%B %Y}. "
        "Until then only an order of a court or an authority has it erased.",
    )


def _of_open_work(patient: Patient, at: datetime) -> Iterable[Refusal | None]:
    records = patient.records()
    yield _of_running(records)
    if Appointment.objects.open().filter(patient__in=records, scheduled_at__gte=at).exists():
        yield Refusal(Obstacle.VISITS, "A visit is booked. Cancel it first.")
    if Bill.objects.open().filter(patient__in=records).exists():
        yield Refusal(
            Obstacle.BILLS, "A bill is open. Settle, cancel or write it off first: nobody can collect it after."
        )


def _of_running(records: QuerySet[Patient]) -> Refusal | None:
    running = (
        ConsultationSession.objects.live().filter(patient__in=records),
        Transcription.objects.filter(session__patient__in=records, status__in=Transcription.WAITING),
        AudioUpload.objects.filter(session__patient__in=records, status__in=AudioUpload.OPEN),
        Report.objects.filter(session__patient__in=records, status__in=Report.RUNNING),
    )
    if any(rows.exists() for rows in running):
        return Refusal(
            Obstacle.RUNNING, "A session, its words or a report are still being worked on. Wait for the end."
        )
    return None

"""When a recording is deleted: one rule, read by the sweep, by signing and by the pages.

Without the patient's consent to keep it the recording goes when the report is signed, at the latest after the clinic's
days. With it the patient's own rule holds, else the clinic's. Whatever comes first wins, and nothing is deleted while
words are being written from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import Q, QuerySet

from patients import holds
from patients.models import Consent, Patient
from patients.queries import live_consent
from sessions_app import queries
from sessions_app.models import ConsultationSession
from synapse.accounts.choices import AudioRetention
from synapse.accounts.models import ClinicSettings


class Rule(StrEnum):
    """Why a recording is deleted; the certificate names it."""

    NO_CONSENT = "no_consent"
    CONSENT_ENDS = "consent_ends"
    PATIENT = "patient_rule"
    CLINIC = "clinic_rule"
    BY_HAND = "by_hand"
    CANCELLED = "cancelled"


class Hold(StrEnum):
    """What a deletion waits for."""

    SESSION = "session"
    WORDS = "words"
    LEGAL = "legal"


@dataclass(frozen=True)
class Seal:
    """The first signed report of a session."""

    report_id: UUID
    signed_at: datetime
    content_hash: str


@dataclass(frozen=True)
class Facts:
    """Everything the rule depends on. `days` belong to `retention`, `most_days` to a recording without consent."""

    recorded_until: datetime | None
    retention: str
    days: int
    is_patients_own: bool
    most_days: int
    is_agreed: bool
    agreed_until: datetime | None = None
    signed_at: datetime | None = None
    has_words: bool = True
    are_words_pending: bool = False
    is_on_hold: bool = False


@dataclass(frozen=True)
class Plan:
    """What will happen to a recording. Kept when nothing below says otherwise.

    `delete_at` is the latest moment; `at_signing` says that a signature before it deletes as well, by `signing_rule`.
    """

    rule: Rule | None = None
    delete_at: datetime | None = None
    signing_rule: Rule | None = None
    held_by: Hold | None = None

    @property
    def at_signing(self) -> bool:
        return self.signing_rule is not None

    @property
    def is_kept(self) -> bool:
        return self.delete_at is None and not self.at_signing

    def is_due(self, at: datetime) -> bool:
        """Tell whether the recording goes now."""
        return self.held_by is None and self.delete_at is not None and self.delete_at <= at


def decide(facts: Facts) -> Plan:
    """Return what the rule makes of the facts."""
    if facts.recorded_until is None:
        return Plan(held_by=Hold.SESSION)
    dated: list[tuple[datetime, Rule]] = []
    signing_rule: Rule | None = None
    own = Rule.PATIENT if facts.is_patients_own else Rule.CLINIC
    at_most = facts.recorded_until + timedelta(days=facts.most_days)
    if facts.retention == AudioRetention.DAYS:
        dated.append((facts.recorded_until + timedelta(days=facts.days), own))
    if facts.retention == AudioRetention.AFTER_SIGNING:
        if facts.signed_at is not None:
            dated.append((facts.signed_at, own))
        elif facts.has_words or facts.are_words_pending:
            signing_rule = own
        else:
            # No words, so no report will ever be signed: the days of the clinic stand in.
            dated.append((at_most, own))
    without_consent = at_most if facts.signed_at is None else min(at_most, facts.signed_at)
    if not facts.is_agreed:
        dated.append((without_consent, Rule.NO_CONSENT))
        if facts.signed_at is None and facts.has_words:
            signing_rule = Rule.NO_CONSENT
    elif facts.agreed_until is not None:
        dated.append((max(facts.agreed_until, without_consent), Rule.CONSENT_ENDS))
    delete_at, rule = min(dated, default=(None, None))
    return Plan(
        rule=rule,
        delete_at=delete_at,
        signing_rule=signing_rule,
        held_by=Hold.LEGAL if facts.is_on_hold else Hold.WORDS if facts.are_words_pending else None,
    )


def plan_of(session: ConsultationSession, at: datetime) -> Plan:
    """Return what will happen to a session's recording, as things stand at a moment."""
    return decide(_facts_of(session, at))


def candidates(at: datetime) -> QuerySet[ConsultationSession]:
    """Return the sessions whose recording a rule may delete; those that are plainly kept are left out."""
    recorded = ConsultationSession.objects.filter(
        status=ConsultationSession.Status.COMPLETED,
        audio_deleted_at=None,
        recording_key__isnull=False,
        recording_key__destroyed_at=None,
    ).select_related("patient__merged_into")
    agreed = Consent.objects.holding(at).filter(kind=Consent.Kind.KEEP_AUDIO).values("patient_id")
    # A merged record goes by the rule of the kept one: those few are looked at one by one.
    keeps = Q(patient__audio_retention=AudioRetention.KEEP)
    if ClinicSettings.load().audio_retention == AudioRetention.KEEP:
        keeps |= Q(patient__audio_retention="")
    return recorded.exclude(keeps & Q(patient__merged_into=None, patient_id__in=agreed))


def due_recordings(at: datetime, *, patient_id: UUID | None = None) -> list[ConsultationSession]:
    """Return the sessions, perhaps of one patient, whose recording goes now."""
    wanted = candidates(at)
    if patient_id is not None:
        wanted = wanted.filter(patient__in=Patient.objects.records_of(patient_id))
    return [session for session in wanted if plan_of(session, at).is_due(at)]


def register_seals(seal_of: Callable[[UUID], Seal | None]) -> None:
    """Name the function that finds a session's first signed report; reports are above sessions and call this."""
    _seal_sources.append(seal_of)


def seal_of(session: ConsultationSession) -> Seal | None:
    """Return the first signed report of a session."""
    found = [seal for source in _seal_sources if (seal := source(session.pk)) is not None]
    return min(found, key=lambda seal: seal.signed_at, default=None)


_seal_sources: list[Callable[[UUID], Seal | None]] = []


def _facts_of(session: ConsultationSession, at: datetime) -> Facts:
    clinic, patient = ClinicSettings.load(), session.patient.kept_record
    consent = live_consent(session.patient_id, Consent.Kind.KEEP_AUDIO, at=at)
    latest, counting = queries.latest_try(session), queries.current_transcription(session)
    seal = seal_of(session)
    return Facts(
        recorded_until=_recorded_until(session),
        retention=patient.audio_retention or clinic.audio_retention,
        days=patient.audio_retention_days or clinic.audio_retention_days,
        is_patients_own=bool(patient.audio_retention),
        most_days=clinic.audio_retention_days,
        is_agreed=consent is not None,
        agreed_until=consent.expires_at if consent else None,
        signed_at=seal.signed_at if seal else None,
        has_words=counting is not None and counting.is_completed,
        are_words_pending=latest is not None and latest.is_waiting,
        is_on_hold=holds.is_held(session.patient_id),
    )


def _recorded_until(session: ConsultationSession) -> datetime | None:
    """Return when the last sound came in; sound of a finished session may be uploaded later. None while it runs."""
    if session.is_live or session.ended_at is None:
        return None
    return max(session.ended_at, session.last_audio_at or session.ended_at)

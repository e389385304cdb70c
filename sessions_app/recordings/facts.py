"""What pages say of a recording: how good it is, what was made of it, and when it is deleted."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import formats, timezone

from sessions_app import permissions, queries
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.recordings import deletion, retention
from sessions_app.recordings.breaks import length_words
from sessions_app.recordings.deletion import Certificate
from sessions_app.recordings.quality import Quality, advice_of, decibels, quality_of
from sessions_app.recordings.retention import Hold, Plan, Rule
from synapse.accounts.models import User
from synapse.accounts.roles import Permission

SOON_DAYS = 7
GOOD_FROM, USABLE_FROM = 0.75, 0.45
_WHY = {
    Rule.NO_CONSENT: "because the patient has not agreed to keep it",
    Rule.CONSENT_ENDS: "when the consent to keep it ends",
    Rule.PATIENT: "by the rule for this patient",
    Rule.CLINIC: "by the clinic’s rule",
}
_WHY_DELETED = {
    Rule.NO_CONSENT: "because the patient had not agreed to keep it",
    Rule.CONSENT_ENDS: "because the consent to keep it had ended",
    Rule.PATIENT: "by the rule for this patient",
    Rule.CLINIC: "by the clinic’s rule",
    Rule.BY_HAND: "by hand",
    Rule.CANCELLED: "because the session was cancelled",
}


@dataclass(frozen=True)
class Fate:
    """What will happen to a recording, in words. `asks_consent`: the patient's agreement would keep it longer."""

    sentence: str
    asks_consent: bool = False
    is_soon: bool = False


@dataclass(frozen=True)
class AudioFacts:
    """Everything the panel shows; `rows` are labels and values."""

    session: ConsultationSession
    has_audio: bool
    verdict: str
    advice: list[str]
    rows: list[tuple[str, str]]
    fate: Fate | None
    certificate: Certificate | None
    why_deleted: str
    can_delete: bool
    can_ask: bool


def facts_of(session: ConsultationSession, words: Transcription | None, *, user: User, at: datetime) -> AudioFacts:
    """Return what the panel beside the words, or the page of facts, says of a session's recording."""
    has_audio = queries.has_audio(session)
    plan = retention.plan_of(session, at) if has_audio else None
    certificate = deletion.certificate_of(session)
    quality = quality_of(session.audio_quality)
    return AudioFacts(
        session=session,
        has_audio=has_audio,
        verdict=_verdict(session.audio_quality_score),
        advice=advice_of(quality) if quality else [],
        rows=[*_sound_rows(session, quality), *_word_rows(words)],
        fate=fate_of(plan, at) if plan else None,
        certificate=certificate,
        why_deleted=why_deleted(certificate) if certificate else "",
        can_delete=plan is not None and plan.held_by is None and permissions.can_conduct(user, session),
        can_ask=user.may(Permission.RECORD_CONSENT),
    )


def fate_of(plan: Plan, at: datetime) -> Fate:
    """Say what a plan means, with the days that are left."""
    at_signing = _WHY[plan.signing_rule] if plan.signing_rule else ""
    asks = Rule.NO_CONSENT in {plan.rule, plan.signing_rule}
    if plan.held_by == Hold.SESSION:
        return Fate("What becomes of the recording is decided when the session ends.")
    if plan.held_by == Hold.LEGAL:
        return Fate("The recording is kept: a legal hold stands on this record.")
    if plan.is_kept:
        return Fate("The recording is kept with the record: the patient agreed to it.")
    if plan.delete_at is None:
        return Fate(f"The recording is deleted when the report is signed, {at_signing}.", asks)
    by_date = _WHY[plan.rule] if plan.rule else ""
    if plan.delete_at <= at:
        then = "when the words are written" if plan.held_by else "within the hour"
        return Fate(f"The recording is deleted {then}, {by_date}.", asks, is_soon=True)
    days = (timezone.localtime(plan.delete_at).date() - timezone.localtime(at).date()).days
    moment = _moment(plan.delete_at, days, at=at)
    if plan.signing_rule is None:
        sentence = f"The recording is deleted {moment}, {by_date}."
    elif plan.signing_rule == plan.rule:
        sentence = f"The recording is deleted when the report is signed, at the latest {moment}, {by_date}."
    else:
        sentence = f"The recording is deleted {moment}, {by_date}, or earlier when the report is signed, {at_signing}."
    return Fate(sentence, asks, is_soon=days <= SOON_DAYS)


def why_deleted(certificate: Certificate) -> str:
    """Say by which rule, or for which reason, a recording was deleted."""
    reason = dict(deletion.Reason.choices).get(certificate.reason, "")
    words = _WHY_DELETED[Rule(certificate.rule)]
    return f"{words} ({reason[0].lower()}{reason[1:]})" if reason else words


def _moment(day_at: datetime, days: int, *, at: datetime) -> str:
    """Return "today", "tomorrow" or "on 12 Dec, in 17 days"."""
    if days <= 1:
        return "tomorrow" if days == 1 else "today"
    day = timezone.localtime(day_at).date()
    style = "j M" if day.year == timezone.localtime(at).year else "j M Y"
    return f"on {formats.date_format(day, style)}, in {days} days"


def _verdict(score: float | None) -> str:
    if score is None:
        return ""
    word = "Good sound" if score >= GOOD_FROM else "Usable sound" if score >= USABLE_FROM else "Poor sound"
    return f"{word}, {round(100 * score)} of 100"


def _sound_rows(session: ConsultationSession, quality: Quality | None) -> list[tuple[str, str]]:
    rows = []
    if session.audio_duration_seconds is not None:
        rows.append(("Recording", length_words(session.audio_duration_seconds)))
    if quality is not None:
        if quality.speech_dbfs is not None and quality.distance_db is not None:
            rows.append(("Speech level", decibels(quality.speech_dbfs)))
            rows.append(("Noise", f"{decibels(quality.noise_dbfs)}, {round(quality.distance_db)} dB below speech"))
        rows.append(("Clipped", f"{100 * quality.clipped_share:.1f} %"))
        rows.append(("Share of speech", f"{round(100 * quality.speech_share)} %"))
        rows.append(("Lost", f"{quality.lost_s:g} s"))
    if session.audio_size_bytes:
        rows.append(("File", f"{session.audio_format}, {session.audio_size_bytes / 1_000_000:.1f} MB"))
    return rows


def _word_rows(words: Transcription | None) -> list[tuple[str, str]]:
    if words is None or not words.is_completed:
        return []
    rows = [
        ("Speech", length_words(sum(words.speakers.values()) / 1000)),
        ("Words", f"{words.word_count:,}"),
        ("Characters", f"{words.character_count:,}"),
    ]
    if words.confidence_score is not None:
        rows.append(("Average confidence", f"{round(100 * words.confidence_score)} %"))
    if words.processing_seconds is not None:
        rows.append(("Written in", length_words(words.processing_seconds)))
    return [*rows, ("Engine", ", ".join(part for part in (words.stt_service, words.stt_model) if part))]

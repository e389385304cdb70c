"""What a page says about the speech engines: that none knows the language, and that another one wrote the words."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from sessions_app import permissions, stt
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.stt import fallback, languages
from synapse.outside import calls

_FALLBACK_WORDS = {
    fallback.UNREACHABLE: "Google Speech did not answer, so the engine of this machine wrote these words. "
    "Ask for another attempt when it works again.",
    fallback.REFUSED: "Google Speech refused the recording, so the engine of this machine wrote these words. "
    "Tell your administrator.",
}


def language_note(language: str, patient_id: UUID, *, at: datetime) -> str:
    """Return why no words of a recording in this language will be written, empty when they will."""
    cloud_allowed = permissions.cloud_may_hear(patient_id, at=at)
    if stt.supports(language, cloud_allowed=cloud_allowed):
        return ""
    name = languages.language_name(language).split(" (")[0]
    if stt.supports(language, cloud_allowed=True):
        return (
            f"{name} is written by Google Speech only, and this patient has not agreed to cloud processing. "
            "The recording is kept. Record that consent to have its words written."
        )
    return (
        f"{name} is written by Google Speech only, which is not set up. "
        "The recording is kept. Its words can be written once your administrator has set it up."
    )


@contextmanager
def sound_leaves(session: ConsultationSession, purpose: calls.Purpose) -> Iterator[None]:
    """Let a speech service have a session's sound inside the block, for as long as the patient's consent is live."""
    patient_id = session.patient_id

    def may_leave() -> bool:
        return permissions.cloud_may_hear(patient_id, at=timezone.now())

    with calls.errand(purpose, may_leave=may_leave, patient_id=patient_id, target_id=session.pk):
        yield


def note_fallback(transcription: Transcription, reason: str) -> None:
    """Keep with the session why another engine than the chosen one wrote a transcript."""
    with transaction.atomic():
        session = ConsultationSession.objects.select_for_update().get(pk=transcription.session_id)
        fallbacks = {**session.stt_settings.get("fallbacks", {}), str(transcription.pk): reason}
        session.stt_settings = {**session.stt_settings, "fallbacks": fallbacks}
        session.save(update_fields=["stt_settings", "updated_at"])


def fallback_words(session: ConsultationSession, transcription: Transcription | None) -> str:
    """Return the sentence that says why another engine wrote a transcript, empty when the chosen one did."""
    if transcription is None:
        return ""
    reason = session.stt_settings.get("fallbacks", {}).get(str(transcription.pk), "")
    return _FALLBACK_WORDS.get(reason, "")

"""A practitioner's own voice profile: made because they asked for it, withdrawn by deleting it."""

from datetime import datetime

from patients.consents.texts import ConsentText
from sessions_app import permissions
from sessions_app.models import VoiceProfile
from sessions_app.stt import enrolment
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError

# What a practitioner agrees to. A text that somebody agreed to never changes: give a changed one a new version.
TEXT = ConsentText(
    "voice_profile",
    "1",
    "Keep a profile of my voice",
    "I agree that this clinic's own computer keeps 256 numbers that describe how my voice sounds, so that transcripts "
    "of my sessions show my words under my name. Such a voice print is biometric data. It is stored encrypted, is used "
    "for nothing else, and never leaves this installation. The recording it is made of is not kept. I can delete it at "
    "any time. My work here does not depend on my answer.",
)
LARGEST_BYTES = int(enrolment.LONGEST_S) * 32_000


class VoiceUnclear(DomainError):
    """The recording gives no profile; the message says what to do."""

    code = "voice_unclear"
    status = 422


def profile_of(user: User) -> VoiceProfile | None:
    return VoiceProfile.objects.filter(user=user).first()


def voice_of(user: User) -> tuple[float, ...]:
    """Return the vector that names this person in transcripts, empty without a profile that can be used.

    The profile of somebody who is deactivated is kept for their return and not used meanwhile.
    """
    profile = profile_of(user)
    if profile is None or not user.is_active or profile.encoder != enrolment.ENCODER:
        return ()
    return tuple(profile.voice)


def keep_profile(user: User, *, pcm: bytes, text_version: str, by: User, at: datetime) -> VoiceProfile:
    """Make the profile of one's own voice from a minute at most of PCM16 16 kHz mono, or replace it.

    Agreeing to the text is part of asking. The sound lives in memory only. Raises NotAllowed, Conflict when another
    version of the text was shown, VoiceUnclear.
    """
    permissions.check_can_keep_voice(by, user)
    if text_version != TEXT.version:
        raise Conflict("The text you agreed to has changed meanwhile. Reload the page and read it again.")
    if len(pcm) > LARGEST_BYTES:
        raise VoiceUnclear("The recording is too long. A minute at most is taken.")
    try:
        sample = enrolment.enrol(pcm)
    except enrolment.NoVoiceProfile as error:
        raise VoiceUnclear(str(error)) from None
    with unit_of_work():
        profile, is_new = VoiceProfile.objects.update_or_create(
            user=user,
            defaults={
                "voice": list(sample.vector),
                "seconds": sample.seconds,
                "encoder": enrolment.ENCODER,
                "text_version": TEXT.version,
                "text_hash": TEXT.hash,
                "consented_at": at,
            },
        )
        detail = {"verb": "voice_profile", "text_version": TEXT.version}
        record(Action.CREATE if is_new else Action.UPDATE, by=by, target=profile, detail=detail)
    return profile


def delete_profile(user: User, *, by: User, at: datetime) -> None:
    """Withdraw the profile: the row is gone at once. Does nothing without one. Raises NotAllowed."""
    permissions.check_can_keep_voice(by, user)
    with unit_of_work():
        profile = VoiceProfile.objects.select_for_update().filter(user=user).first()
        if profile is not None:
            record(Action.DELETE, by=by, target=profile, detail={"verb": "voice_profile"})
            profile.delete()

"""Name voices by what they say and by how the doctor is known to sound.

Rather "unknown" than a wrong name: words that fit either role, or a voice too alike another, name nobody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sessions_app.stt.base import DOCTOR, PATIENT, UNKNOWN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_WORDS = 40
MANY_WORDS = 150
CLEAR = 0.15
# Of two voices in a consultation one is the doctor's, so little is enough; of more nobody need be.
CLEAR_BETWEEN_TWO = 0.03
# The doctor opens 96 of 100 of those dialogues; worth little against the words, enough to settle a tie.
OPENING = 0.05
_SMOOTHING = 12

# A voice this near to the doctor's profile is the doctor's, when the next one is clearly farther away.
NEAR_PROFILE = 0.75
CLEARLY_NEARER = 0.08
# Alone, without another voice to compare it with, a stretch must lie nearer, or as far as another person does.
SURELY_PROFILE = 0.80
FAR_FROM_PROFILE = 0.65

_WORD = re.compile(r"[a-z']+")
_QUESTION = 1.5
# Log odds of a word in a doctor's turn against a patient's, rounded, for frequent words that differ most in MTS-Dialog,
# ACI-Bench and PriMock57 (CC BY 4.0). Above zero the doctor says it, below zero the patient does.
_CUES = {
    "your": 3, "you": 2, "you're": 2.5, "you've": 3, "you'll": 2, "any": 2, "how": 2, "tell": 2, "what": 1.5,
    "we'll": 3, "let's": 2, "we": 1.5, "okay": 1, "ok": 1, "alright": 1.5, "history": 2, "symptoms": 2,
    "medications": 1.5, "sorry": 1.5, "hear": 1.5, "exam": 2, "questions": 2, "today": 1.5, "ask": 1.5, "which": 1,
    "are": 1, "did": 1, "do": 0.5, "looks": 1.5,
    "my": -2, "i": -0.8, "i've": -2, "am": -1, "yes": -1.5, "no": -1.5, "nope": -3, "yeah": -1, "never": -2.5,
    "not": -1, "don't": -1, "haven't": -1.5, "can't": -1.5, "nothing": -1.5, "guess": -2, "really": -1, "ago": -1,
    "feels": -1.5, "was": -0.5, "but": -0.5, "me": -0.3, "actually": -1, "myself": -2,
}  # fmt: skip


def roles_of(texts: Sequence[str]) -> list[str]:
    """Name each voice by all it said: one doctor and their patients, or unknown for all when it is not clear.

    The voice that spoke first comes first; patients are numbered in that order.
    """
    doctor = doctor_by_words(texts)
    return [UNKNOWN] * len(texts) if doctor is None else with_doctor(len(texts), doctor)


def with_doctor(voices: int, doctor: int) -> list[str]:
    """Return the labels of so many voices when the doctor is the one at this place."""
    patients = iter([PATIENT, *(f"{PATIENT}_{number}" for number in range(2, voices + 1))])
    return [DOCTOR if place == doctor else next(patients) for place in range(voices)]


def doctor_by_words(texts: Sequence[str]) -> int | None:
    """Return the place of the voice whose words are the doctor's, or nothing when another fits nearly as well."""
    spoken = sum(len(text.split()) for text in texts)
    if len(texts) < 2 or spoken < LEAST_WORDS:
        return None
    likeness = [doctor_likeness(text) for text in texts]
    if spoken >= MANY_WORDS:
        likeness[0] += OPENING
    best, second = sorted(range(len(texts)), key=lambda place: likeness[place], reverse=True)[:2]
    clear = CLEAR_BETWEEN_TWO if len(texts) == 2 and spoken >= MANY_WORDS else CLEAR
    return best if likeness[best] - likeness[second] >= clear else None


def doctor_likeness(text: str) -> float:
    """Return how much the words sound like the doctor's (above 0) or the patient's (below 0), per word."""
    words = _WORD.findall(text.lower().replace("’", "'"))
    evidence = sum(_CUES.get(word, 0.0) for word in words) + _QUESTION * text.count("?")
    return evidence / (len(words) + _SMOOTHING)


def roles_by_profile(voices: NDArray[np.float32], doctor_voice: Sequence[float]) -> list[str] | None:
    """Name voices (unit vectors, in order of first speaking) by their nearness to the doctor's profile.

    None when no voice is clearly the doctor's, and for a lone voice that may be anybody's.
    """
    import numpy as np

    if len(voices) == 1:
        role = role_by_profile(voices[0], doctor_voice)
        return None if role == UNKNOWN else [role]
    likeness = voices @ np.asarray(doctor_voice, np.float32)
    best, second = likeness.argsort()[::-1][:2]
    if likeness[best] >= NEAR_PROFILE and likeness[best] - likeness[second] >= CLEARLY_NEARER:
        return with_doctor(len(voices), int(best))
    return None


def role_by_profile(vector: NDArray[np.float32], doctor_voice: Sequence[float]) -> str:
    """Name one stretch of speech by its own nearness to the doctor's profile, unknown when it may be anybody's."""
    import numpy as np

    likeness = float(vector @ np.asarray(doctor_voice, np.float32))
    if likeness >= SURELY_PROFILE:
        return DOCTOR
    return PATIENT if likeness < FAR_FROM_PROFILE else UNKNOWN

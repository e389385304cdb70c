"""What is known of a session before its sound is read: words likely to be said, and how the doctor sounds."""

import re
from itertools import takewhile

from sessions_app.models import ConsultationSession
from sessions_app.stt.base import Hints
from sessions_app.voices import profiles as voice_profiles
from synapse.accounts.models import ClinicSettings

LONGEST_DRUG_NAME = 3


def hints_for(session: ConsultationSession) -> Hints:
    """Return what the engines may use to hear a session better: names and drugs likely to be said, and the doctor's voice.

    It identifies the patient, so it never goes into a log or a job, and a cloud engine gets it without the names.
    """
    patient, doctor = session.patient, session.doctor
    terms = [
        *_lines(ClinicSettings.load().vocabulary),
        *(_drug_of(line) for line in _lines(patient.current_medications)),
    ]
    names = (patient.first_name, patient.last_name, doctor.first_name, doctor.last_name)
    return Hints(
        vocabulary=tuple(dict.fromkeys(term for term in terms if term)),
        names=tuple(dict.fromkeys(name for name in names if name)),
        doctor_voice=voice_profiles.voice_of(session.doctor),
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _drug_of(line: str) -> str:
    """Return the name in a line of a medication list, which ends where the dose or a comma begins."""
    name = re.split(r"[,;(:]", line, maxsplit=1)[0].split()
    return " ".join(takewhile(lambda word: not any(map(str.isdigit, word)), name[:LONGEST_DRUG_NAME]))

"""Two voices are told apart by sound and named by what they say, or not at all."""

import numpy as np

from sessions_app.stt.base import SAMPLE_RATE
from sessions_app.stt.media import samples_of
from sessions_app.stt.speakers import Voices, listen, roles_of, tell_apart
from sessions_app.stt.voiceprint import embed
from sessions_app.tests.stt.sound import consultation, reference, seconds

DOCTOR_SAYS = "How have you been? Any thoughts of harming yourself? What is your sleep like? Do you take your tablets?"
PATIENT_SAYS = "I have not been well. I sleep four hours and my mood is low. No, I don't. My wife helps me, I guess."


def turns_of(speaker):
    return [turn for turn in reference()["turns"] if turn["speaker"] == speaker and turn["end"] - turn["start"] > 1.6]


def vectors_of(turns):
    return embed([samples_of(seconds(consultation(), turn["start"], turn["end"])) for turn in turns])


def test_one_voice_lies_closer_to_itself_than_to_the_other():
    doctor, patient = vectors_of(turns_of("doctor")), vectors_of(turns_of("patient"))

    same = min((doctor @ doctor.T).min(), (patient @ patient.T).min())

    assert same > (doctor @ patient.T).max()


def test_two_people_are_told_apart_and_one_person_is_not_split():
    both = np.concatenate([vectors_of(turns_of("doctor")), vectors_of(turns_of("patient"))])
    doctors = sum(1 for _ in turns_of("doctor"))

    likeness = tell_apart(both)

    assert likeness is not None
    assert len({value > 0 for value in likeness[:doctors]}) == 1
    assert (likeness[0] > 0) != (likeness[-1] > 0)
    assert tell_apart(vectors_of(turns_of("patient") * 2)) is None


def test_roles_follow_the_words_whichever_voice_comes_first():
    assert roles_of([DOCTOR_SAYS, PATIENT_SAYS]) == ["doctor", "patient"]
    assert roles_of([PATIENT_SAYS, DOCTOR_SAYS]) == ["patient", "doctor"]


def test_a_name_is_not_guessed():
    prose = "The ship left the harbour at dawn and nobody on the quay looked up from the ropes and the crates of fish."

    assert roles_of([prose, prose]) == ["unknown", "unknown"]
    assert roles_of(["How are you?", "I am well."]) == ["unknown", "unknown"]
    assert roles_of([DOCTOR_SAYS + PATIENT_SAYS]) == ["unknown"]


def test_a_recording_without_speech_has_no_words_to_name():
    voices = Voices()
    voices.add(listen([(0.0, np.zeros(SAMPLE_RATE, np.float32))]))

    assert voices.attribute([]) == []

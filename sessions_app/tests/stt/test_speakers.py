"""Voices are told apart by sound and named by what they say or by the doctor's profile, or not at all."""

import numpy as np
import pytest

from sessions_app.stt.base import SAMPLE_RATE, Word
from sessions_app.stt.live_voices import LiveVoices
from sessions_app.stt.media import samples_of
from sessions_app.stt.roles import roles_by_profile, roles_of
from sessions_app.stt.speakers import Stretch, Voices, listen
from sessions_app.stt.voiceprint import embed
from sessions_app.tests.stt.sound import consultation, reference, seconds

DOCTOR_SAYS = "How have you been? Any thoughts of harming yourself? What is your sleep like? Do you take your tablets?"
PATIENT_SAYS = "I have not been well. I sleep four hours and my mood is low. No, I don't. My wife helps me, I guess."
PROSE = "The ship left the harbour at dawn and nobody on the quay looked up from the ropes and the crates of fish."


def turns_of(speaker):
    return [turn for turn in reference()["turns"] if turn["speaker"] == speaker and turn["end"] - turn["start"] > 1.6]


def sound_of(turn):
    return samples_of(seconds(consultation(), turn["start"], turn["end"]))


def vectors_of(turns):
    return embed([sound_of(turn) for turn in turns])


def words_of(turn, text=None):
    spoken = (text or turn["text"]).split()
    step = (turn["end"] - turn["start"]) / len(spoken)
    return [
        Word(turn["start"] + step * place, turn["start"] + step * (place + 1), one, 0.9)
        for place, one in enumerate(spoken)
    ]


def profile_of(speaker):
    vector = vectors_of(turns_of(speaker)[:2]).mean(0)
    return tuple(vector / np.linalg.norm(vector))


@pytest.fixture(scope="module")
def heard():
    return listen((turn["start"], sound_of(turn)) for turn in reference()["turns"])


def voices_in(heard, **known):
    voices = Voices(**known)
    voices.add(heard)
    return voices


def test_one_voice_lies_closer_to_itself_than_to_the_other():
    doctor, patient = vectors_of(turns_of("doctor")), vectors_of(turns_of("patient"))

    same = min((doctor @ doctor.T).min(), (patient @ patient.T).min())

    assert same > (doctor @ patient.T).max()


def test_every_turn_of_the_consultation_has_its_speaker(heard):
    segments = voices_in(heard).attribute([word for turn in reference()["turns"] for word in words_of(turn)])

    for turn in reference()["turns"]:
        own = [one for one in segments if turn["start"] <= (one.start + one.end) / 2 <= turn["end"]]
        assert {one.speaker for one in own} == {turn["speaker"]}
    assert {(one.voice, one.speaker) for one in segments} == {(1, "doctor"), (2, "patient")}


def test_voices_without_a_name_are_still_kept_apart(heard):
    segments = voices_in(heard).attribute(
        [word for turn in reference()["turns"] for word in words_of(turn, "La la la la.")]
    )

    assert {one.speaker for one in segments} == {"unknown"}
    assert {one.voice for one in segments} == {1, 2}


def test_a_voice_profile_names_voices_that_say_nothing_telling(heard):
    words = [word for turn in reference()["turns"] for word in words_of(turn, "La la la la.")]

    named = voices_in(heard, doctor_voice=profile_of("doctor")).attribute(words)

    assert {(one.voice, one.speaker) for one in named} == {(1, "doctor"), (2, "patient")}
    swapped = voices_in(heard, doctor_voice=profile_of("patient")).attribute(words)
    assert {(one.voice, one.speaker) for one in swapped} == {(1, "patient"), (2, "doctor")}


def test_a_turn_that_begins_without_a_pause_begins_a_line():
    first, second = np.eye(256, dtype=np.float32)[:2]
    moments = [0.2 + 0.4 * place for place in range(40)]
    vectors = np.stack([first if moment < 8 else second for moment in moments])
    voices = Voices()
    voices.add([Stretch(16.0, moments, vectors)])

    segments = voices.attribute([Word(place / 2, place / 2 + 0.5, f"w{place}", 0.9) for place in range(32)])

    assert [(one.voice, one.start, one.end) for one in segments] == [(1, 0.0, 8.0), (2, 8.0, 16.0)]


def test_roles_follow_the_words_whichever_voice_comes_first():
    assert roles_of([DOCTOR_SAYS, PATIENT_SAYS]) == ["doctor", "patient"]
    assert roles_of([PATIENT_SAYS, DOCTOR_SAYS]) == ["patient", "doctor"]


def test_in_a_family_the_one_who_asks_is_the_doctor():
    said = [PATIENT_SAYS, PATIENT_SAYS, DOCTOR_SAYS, PATIENT_SAYS]

    assert roles_of(said) == ["patient", "patient_2", "doctor", "patient_3"]


def test_a_name_is_not_guessed():
    assert roles_of([PROSE, PROSE]) == ["unknown", "unknown"]
    assert roles_of(["How are you?", "I am well."]) == ["unknown", "unknown"]
    assert roles_of([DOCTOR_SAYS + PATIENT_SAYS]) == ["unknown"]
    assert roles_of([DOCTOR_SAYS, DOCTOR_SAYS, PATIENT_SAYS]) == ["unknown"] * 3


def test_a_profile_that_two_voices_fit_names_nobody():
    profile = np.zeros(256)
    profile[0] = 1.0
    alike = np.zeros((2, 256), np.float32)
    alike[:, 0], alike[0, 1], alike[1, 2] = 0.9, 0.43, 0.43

    assert roles_by_profile(alike, profile) is None
    assert roles_by_profile(alike[:1], profile) == ["doctor"]
    assert roles_by_profile(np.eye(256, dtype=np.float32)[5:6], profile) == ["patient"]


def test_a_recording_without_speech_has_no_words_to_name():
    voices = Voices()
    voices.add(listen([(0.0, np.zeros(SAMPLE_RATE, np.float32))]))

    assert voices.attribute([]) == []
    assert Voices().attribute([Word(0.0, 0.5, "hello", 0.5)])[0].speaker == "unknown"


def followed(live):
    """Return the speakers of the consultation's turns, each named as it ends, and the right ones."""
    names, at = [], 0.0
    for turn in reference()["turns"]:
        live.hear(samples_of(seconds(consultation(), at, turn["end"])))
        at = turn["end"]
        names.append(live.speaker_of(words_of(turn)))
    return names, [turn["speaker"] for turn in reference()["turns"]]


def test_live_nobody_is_named_wrongly_and_everybody_is_named_in_the_end():
    names, right = followed(LiveVoices(0.0))

    assert {name for name, speaker in zip(names, right, strict=True) if name != speaker} <= {"unknown"}
    assert names[-2:] == right[-2:]


def test_live_a_profile_names_the_doctor_from_the_first_long_line():
    names, right = followed(LiveVoices(0.0, doctor_voice=profile_of("doctor")))

    assert names[0] == "doctor"
    assert {name for name, speaker in zip(names, right, strict=True) if name != speaker} <= {"unknown"}

"""A practitioner's voice profile: only one's own, only after agreeing, only from a clear voice, gone when deleted."""

import itertools

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from sessions_app.models import VoiceProfile
from sessions_app.speech.hints import hints_for
from sessions_app.stt import enrolment
from sessions_app.tests.factories import make_session
from sessions_app.tests.stt.sound import consultation, reference, room_hum, seconds, silence
from sessions_app.voices import profiles as voice_profiles
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed

PAGE = "/settings/voice/"


def spoken_by(speaker):
    turns = [turn for turn in reference()["turns"] if turn["speaker"] == speaker]
    return b"".join(seconds(consultation(), turn["start"], turn["end"]) + silence(0.3) for turn in turns)


def louder(pcm, factor):
    import numpy as np

    return np.clip(np.frombuffer(pcm, "<i2") * factor, -32768, 32767).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def read_aloud():
    return spoken_by("doctor")


@pytest.fixture(scope="module")
def sample(read_aloud):
    return enrolment.enrol(read_aloud)


@pytest.fixture
def heard_at_once(monkeypatch, sample):
    """Skip the hearing where only what becomes of it is asked."""
    monkeypatch.setattr(enrolment, "enrol", lambda pcm: sample)


def keep(user, pcm=b"", by=None, text_version=voice_profiles.TEXT.version):
    return voice_profiles.keep_profile(user, pcm=pcm, text_version=text_version, by=by or user, at=timezone.now())


def test_a_clear_voice_becomes_256_numbers(sample):
    assert len(sample.vector) == 256
    assert sum(value**2 for value in sample.vector) == pytest.approx(1, abs=0.01)
    assert 12 < sample.seconds < 60


@pytest.mark.parametrize(
    ("spoiled", "advice"),
    [
        (lambda pcm: pcm[: 2 * 16_000 * 5], "Read the whole text"),
        (lambda pcm: louder(pcm, 0.03), "too quietly"),
        (lambda pcm: louder(pcm, 60), "too loud"),
        (lambda pcm: pcm[: len(pcm) // 2] + spoken_by("patient"), "More than one voice"),
        (lambda pcm: room_hum(15), "Only 0 seconds"),
        (lambda pcm: b"", "too quietly"),
        (lambda pcm: pcm[:-1], "arrived damaged"),
    ],
)
def test_a_poor_recording_is_refused_with_what_to_do(read_aloud, spoiled, advice):
    with pytest.raises(enrolment.NoVoiceProfile, match=advice):
        enrolment.enrol(spoiled(read_aloud))


@pytest.mark.django_db
def test_a_profile_is_encrypted_and_its_making_and_end_are_audited_without_it(asha, sample, heard_at_once):
    profile = keep(asha)
    with connection.cursor() as cursor:
        cursor.execute("SELECT voice FROM sessions_app_voiceprofile")
        (stored,) = cursor.fetchone()
    voice_profiles.delete_profile(asha, by=asha, at=timezone.now())

    assert tuple(profile.voice) == sample.vector
    assert str(sample.vector[0]) not in str(stored)
    assert not VoiceProfile.objects.exists()
    rows = AuditEvent.objects.filter(target_type__icontains="voiceprofile").order_by("seq")
    assert [(row.action, row.detail["verb"]) for row in rows] == [
        ("create", "voice_profile"),
        ("delete", "voice_profile"),
    ]
    assert str(sample.vector[0]) not in str([row.detail for row in rows])


@pytest.mark.django_db
def test_replacing_keeps_one_profile(asha, heard_at_once):
    first, second = keep(asha), keep(asha)

    assert VoiceProfile.objects.get().pk == first.pk == second.pk
    assert second.text_hash == voice_profiles.TEXT.hash


@pytest.mark.django_db
def test_nobody_decides_about_another_ones_voice(asha, ben, rita, omar, heard_at_once):
    keep(asha)

    for user, by in itertools.product([asha, rita], [ben, rita, omar]):
        with pytest.raises(NotAllowed):
            keep(user, by=by)
        with pytest.raises(NotAllowed):
            voice_profiles.delete_profile(user, by=by, at=timezone.now())
    assert VoiceProfile.objects.get().user == asha


@pytest.mark.django_db
def test_another_text_than_todays_was_not_agreed_to(asha, heard_at_once):
    with pytest.raises(Conflict):
        keep(asha, text_version="0")


@pytest.mark.django_db
def test_the_doctors_voice_goes_to_the_engines_while_it_can_be_used(asha, sample, heard_at_once):
    session = make_session(asha)
    assert hints_for(session).doctor_voice == ()
    profile = keep(asha)

    assert hints_for(session).doctor_voice == sample.vector
    session.doctor.is_active = False
    assert hints_for(session).doctor_voice == ()
    session.doctor.is_active = True
    VoiceProfile.objects.filter(pk=profile.pk).update(encoder="another")
    assert hints_for(session).doctor_voice == ()


@pytest.mark.django_db
def test_the_page_is_for_doctors_and_shows_ones_own(signed_in, asha, ben, rita, omar, heard_at_once):
    keep(asha)

    assert b"Delete my voice profile" in signed_in(asha).get(PAGE).content
    assert b"Nothing of your voice is kept" in signed_in(ben).get(PAGE).content
    for user in (rita, omar):
        client = signed_in(user)
        assert client.get(PAGE).status_code == client.post(PAGE).status_code == 403
        assert client.post(f"{PAGE}delete/").status_code == 403
        assert PAGE.encode() not in client.get("/settings/").content
    assert signed_in(asha).get(f"{PAGE}delete/").status_code == 405
    assert VoiceProfile.objects.get().user == asha


def sent(pcm=b"\0\0", **answers):
    given = {"text_version": voice_profiles.TEXT.version, "agreed": "on", "sound": SimpleUploadedFile("sound", pcm)}
    return {**given, **answers}


@pytest.mark.django_db
def test_a_recording_makes_the_profile_and_deleting_ends_it(signed_in, asha, read_aloud):
    client = signed_in(asha)

    made = client.post(PAGE, sent(read_aloud))

    assert made.status_code == 201
    assert made.json() == {"next": PAGE}
    assert VoiceProfile.objects.get().user == asha
    assert client.post(f"{PAGE}delete/").url == PAGE
    assert not VoiceProfile.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answers", "status", "message"),
    [
        ({"agreed": ""}, 422, "Tick the box"),
        ({"sound": ""}, 422, "Nothing was recorded"),
        ({"text_version": "0"}, 409, "Reload the page"),
        ({"pcm": silence(61)}, 422, "too long"),
        ({"pcm": silence(20)}, 422, "too quietly"),
    ],
)
def test_what_cannot_be_a_profile_is_answered_in_words(signed_in, asha, answers, status, message):
    answer = signed_in(asha).post(PAGE, sent(**answers))

    assert answer.status_code == status
    assert message in answer.json()["message"]
    assert not VoiceProfile.objects.exists()


def test_the_admin_never_shows_a_voice():
    assert not admin.site.is_registered(VoiceProfile)

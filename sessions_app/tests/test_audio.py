"""The kept file holds what was captured, and only then the spool goes."""

import io

import numpy as np
import pytest
from django.utils import timezone

from sessions_app import queries, services
from sessions_app.models import ConsultationSession
from sessions_app.recordings import audio, deletion
from sessions_app.recordings.retention import Rule
from sessions_app.spool import store as spool
from sessions_app.tests.factories import make_session, record_audio
from synapse import storage


def speechlike(seconds, level=0.3, seed=1):
    """Return bursts of a 220 Hz tone with faint noise between, as PCM."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * 16_000)) / 16_000
    gate = (np.sin(2 * np.pi * 0.7 * time) > -0.2).astype(float)
    sound = level * np.sin(2 * np.pi * 220 * time) * gate + 0.002 * rng.standard_normal(len(time))
    return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()


def encode(pcm):
    return audio.encode([pcm[start : start + 6_400] for start in range(0, len(pcm), 6_400)], pcm_bytes=len(pcm))


@pytest.mark.parametrize("seconds", [0.11, 1.0, 7.33])
def test_the_file_decodes_to_the_captured_length_and_is_small(seconds):
    pcm = speechlike(seconds)

    encoded = encode(pcm)

    audio.check_length(encoded.file, pcm_bytes=len(pcm))
    assert encoded.pcm_bytes == len(pcm)
    if seconds > 5:
        assert len(encoded.file) < seconds * 24_000 / 8 * 1.5


def test_the_decoded_sound_is_the_captured_sound():
    pcm = speechlike(4)

    heard = np.frombuffer(b"".join(audio.decode(io.BytesIO(encode(pcm).file))), "<i2").astype(float)

    spoken = np.frombuffer(pcm, "<i2").astype(float)[: len(heard)]
    frames = len(spoken) // 320
    loud = [np.abs(part[: frames * 320]).reshape(frames, 320).mean(axis=1) for part in (spoken, heard)]
    assert np.corrcoef(loud[0], loud[1])[0, 1] > 0.95


def test_a_file_of_another_length_is_noticed():
    encoded = encode(speechlike(2))

    with pytest.raises(audio.AudioDamaged):
        audio.check_length(encoded.file, pcm_bytes=encoded.pcm_bytes + 3_200)


def test_peaks_draw_at_most_a_thousand_levels():
    assert len(encode(speechlike(30)).peaks) == 1_000
    assert max(encode(speechlike(1)).peaks) == pytest.approx(0.3, abs=0.02)


@pytest.mark.django_db
def test_archiving_stores_an_encrypted_file_and_then_the_spool_goes(asha, settings):
    session = make_session(asha)
    timeline = record_audio(session, speechlike(3), gap_before_ms=500)

    audio.archive(session, at=timezone.now())

    session.refresh_from_db()
    assert not spool.default_store().exists(session.pk)
    assert session.audio_sha256 == timeline.sha256
    assert session.audio_duration_seconds == 3.0
    assert session.audio_map == [[500, 0]]
    assert session.audio_quality["lost_s"] == 0.5
    assert session.audio_quality_score == 0.9  # a seventh of it was lost
    stored = b"".join(path.read_bytes() for path in (settings.DATA_DIR / "audio").rglob("*") if path.is_file())
    assert b"OggS" not in stored
    assert b"".join(audio.open_file(session)).startswith(b"OggS")
    assert sum(len(block) for block in audio.pcm_of(session)) == pytest.approx(96_000, abs=640)


@pytest.mark.django_db
def test_archiving_twice_changes_nothing(asha):
    session = make_session(asha)
    record_audio(session)
    audio.archive(session, at=timezone.now())
    name = session.audio_name

    audio.archive(session, at=timezone.now())

    assert session.audio_name == name


@pytest.mark.django_db
def test_a_spool_that_changed_after_finish_is_kept(asha):
    session = make_session(asha)
    record_audio(session)
    type(session).objects.filter(pk=session.pk).update(audio_sha256="0" * 64)
    session.refresh_from_db()

    with pytest.raises(audio.AudioDamaged):
        audio.archive(session, at=timezone.now())

    assert spool.default_store().exists(session.pk)


@pytest.mark.django_db
def test_a_file_that_is_not_what_was_captured_is_not_left_in_the_storage(asha, settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    session = make_session(asha)
    record_audio(session)
    monkeypatch.setattr(audio, "decode", lambda file: iter([b"\0\0"]))

    with pytest.raises(audio.AudioDamaged):
        audio.archive(session, at=timezone.now())

    assert not list(storage.names())
    assert spool.default_store().exists(session.pk)


@pytest.mark.django_db(transaction=True)
def test_a_row_read_before_the_file_was_named_still_has_its_recording(asha, now):
    session = make_session(asha)
    record_audio(session)
    services.complete_session(session, by=asha, at=now)
    read_before = ConsultationSession.objects.get(pk=session.pk)

    audio.archive(session, at=now)

    assert read_before.audio_name == ""
    assert queries.has_audio(read_before)
    assert read_before.audio_map


@pytest.mark.django_db(transaction=True)
def test_deleting_audio_erases_file_and_spool_and_keeps_the_sum(asha):
    session = make_session(asha)
    record_audio(session)
    audio.archive(session, at=timezone.now())
    name = session.audio_name

    deletion.delete_recording(session, rule=Rule.CLINIC, by=None, at=timezone.now())

    with pytest.raises(storage.StoredFileMissing):
        storage.size(name)
    assert session.audio_sha256
    assert not queries.has_audio(session)


def test_a_place_in_a_file_with_a_gap_maps_to_the_clock():
    clock_map = [[0, 0], [5_200, 200]]

    assert [queries.file_to_clock(clock_map, ms) for ms in (0, 150, 200, 300)] == [0, 150, 5_200, 5_300]


def test_the_wav_header_is_one_that_readers_take():
    import wave

    pcm = speechlike(1)

    with wave.open(io.BytesIO(audio.wav_header(len(pcm)) + pcm)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getnframes()) == (16_000, 1, 16_000)

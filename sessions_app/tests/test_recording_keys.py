"""A recording opens with its own key alone; destroying the key destroys every copy."""

import io
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from sessions_app.models import ConsultationSession, RecordingKey
from sessions_app.recordings import audio, deletion
from sessions_app.recordings import keys as recording_keys
from sessions_app.recordings.retention import Rule
from sessions_app.spool import store as spool
from sessions_app.tests.factories import make_session, record_audio, tone
from synapse import storage
from synapse.encryption import blobs, data_keys, masters, rotation
from synapse.encryption.tests.kms_server import KEY, key_service

pytestmark = pytest.mark.django_db

NEW = "a-new-key-of-thirty-two-random-bytes-0123456"


@pytest.fixture
def session(asha):
    return make_session(asha)


@pytest.fixture
def now():
    return timezone.now()


def archived(session):
    record_audio(session, tone(2_000))
    audio.archive(session, at=timezone.now())
    session.refresh_from_db()
    return session


def rotate():
    out = io.StringIO()
    call_command("rotate_keys", stdout=out)
    return out.getvalue()


def test_the_key_is_there_before_the_first_byte_and_stays_the_same(session):
    assert not RecordingKey.objects.exists()

    timeline = record_audio(session)

    stored = RecordingKey.objects.get()
    assert stored.session == session
    assert len(bytes(stored.wrapped)) == 40
    assert recording_keys.key_of(session.pk) == recording_keys.key_of(session.pk, make=True)
    assert spool.default_store().timeline(session.pk).sha256 == timeline.sha256


@pytest.mark.django_db(transaction=True)
def test_no_key_is_made_inside_a_transaction_that_may_still_be_rolled_back(session):
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        spool.default_store().writer(session.pk)

    assert not spool.default_store().folder(session.pk).exists()


def test_spool_and_file_are_sealed_under_the_same_data_key(session, settings):
    record_audio(session)
    name = data_keys.fingerprint(recording_keys.key_of(session.pk))
    spooled = (spool.default_store().folder(session.pk) / "chunks").read_bytes()

    audio.archive(session, at=timezone.now())

    stored = (settings.DATA_DIR / "audio" / session.audio_name).read_bytes()
    assert spooled[9:17] == stored[5:13] == name


def test_the_audio_key_alone_opens_nothing(session, settings):
    """Try what an attacker with AUDIO_KEY and the files could: every key that can be made of both."""
    record_audio(session)
    spooled = (spool.default_store().folder(session.pk) / "chunks").read_bytes()
    audio.archive(session, at=timezone.now())
    stored = (settings.DATA_DIR / "audio" / session.audio_name).read_bytes()
    master = settings.AUDIO_KEY[0]
    made = [data_keys._wrapping_key(master), master.encode()[:32], session.pk.bytes * 2]
    keys = [*made, *(data_keys.subkey(key, purpose) for key in made for purpose in (b"spool v2", b"file v2"))]
    nonce, header, body = spooled[17 + 20 : 17 + 32], spooled[17 : 17 + 32], spooled[17 + 32 :]
    length = int.from_bytes(header[:4])

    for key in keys:
        with pytest.raises(InvalidTag):
            AESGCM(key).decrypt(nonce, body[:length], header + session.pk.bytes)
        with pytest.raises(InvalidUnwrap):
            aes_key_unwrap(key, stored[13 : blobs.HEADER])
    right = AESGCM(data_keys.subkey(recording_keys.key_of(session.pk), b"spool v2"))
    assert right.decrypt(nonce, body[:length], header + session.pk.bytes)


def test_a_destroyed_key_leaves_every_copy_unreadable(session, settings, tmp_path, now):
    record_audio(session)
    copy_of_spool = tmp_path / "backup"
    shutil.copytree(spool.default_store().root, copy_of_spool)
    audio.archive(session, at=now)
    copy_of_file = (settings.DATA_DIR / "audio" / session.audio_name).read_bytes()
    name = session.audio_name

    deletion.delete_recording(session, rule=Rule.CLINIC, by=None, at=now)

    stored = RecordingKey.objects.get()
    assert (stored.wrapped, stored.destroyed_at) == (None, now)
    restored = spool.SpoolStore(copy_of_spool, recording_keys.key_of)
    with pytest.raises(spool.KeyDestroyed):
        restored.timeline(session.pk)
    with pytest.raises(spool.KeyDestroyed):
        restored.writer(session.pk)
    (settings.DATA_DIR / "audio" / name).write_bytes(copy_of_file)
    session.audio_name = name
    with pytest.raises(spool.KeyDestroyed):
        audio.open_file(session)


def test_a_deleted_recording_takes_no_more_sound(session, now):
    deletion.delete_with_session(session, by=session.doctor, at=now)

    with pytest.raises(spool.KeyDestroyed):
        spool.default_store().writer(session.pk)


def test_a_recording_whose_key_is_missing_says_so(session):
    record_audio(session)
    RecordingKey.objects.all().delete()

    with pytest.raises(spool.SpoolDamaged, match="no key"):
        spool.default_store().timeline(session.pk)


def test_after_a_rotation_the_former_audio_key_can_go_and_recordings_still_play(session, ben, settings):
    archived(session)
    spooled = make_session(ben)
    timeline = record_audio(spooled)
    plain = b"".join(audio.open_file(session))
    stored = (settings.DATA_DIR / "audio" / session.audio_name).read_bytes()
    former = settings.AUDIO_KEY

    settings.AUDIO_KEY = [NEW, *former]
    said = rotate()
    settings.AUDIO_KEY = [NEW]

    assert "sessions_app.RecordingKey: 2 keys wrapped anew" in said
    assert "AUDIO_KEY any more" in said
    assert b"".join(audio.open_file(session)) == plain
    assert spool.default_store().timeline(spooled.pk).sha256 == timeline.sha256
    assert (settings.DATA_DIR / "audio" / session.audio_name).read_bytes() == stored


def test_a_rotation_goes_on_where_it_was_stopped(session, ben, settings, monkeypatch):
    record_audio(session)
    record_audio(make_session(ben))
    settings.AUDIO_KEY = [NEW, *settings.AUDIO_KEY]
    monkeypatch.setattr(recording_keys, "BATCH", 1)
    real, done = recording_keys._rewrap, []

    def stops_after_one(stored, outcome):
        if done:
            raise KeyboardInterrupt
        done.append(stored.pk)
        return real(stored, outcome)

    monkeypatch.setattr(recording_keys, "_rewrap", stops_after_one)
    with pytest.raises(KeyboardInterrupt):
        recording_keys.rewrap()
    assert recording_keys.count_under_former_keys() == 1
    monkeypatch.setattr(recording_keys, "_rewrap", real)

    assert recording_keys.rewrap().rewritten == 1
    assert recording_keys.count_under_former_keys() == 0


def test_a_key_destroyed_during_a_rotation_stays_destroyed(session, settings, now):
    record_audio(session)
    settings.AUDIO_KEY = [NEW, *settings.AUDIO_KEY]
    (read_before,) = recording_keys._next_stale(None)
    recording_keys.destroy(session.pk, at=now)

    assert recording_keys._rewrap(read_before, recording_keys.Outcome("")) == 0
    assert RecordingKey.objects.get().wrapped is None


def test_a_rotation_without_the_former_key_says_how_many_are_left(session, settings):
    record_audio(session)
    RecordingKey.objects.update(key_id="00000000")
    settings.AUDIO_KEY = [NEW, *settings.AUDIO_KEY]

    with pytest.raises(CommandError, match="1 rows cannot be read .* and 1 still need"):
        rotate()


def test_a_file_of_another_session_does_not_open_with_this_ones_key(session, ben):
    archived(session)
    other = make_session(ben)
    record_audio(other)
    ConsultationSession.objects.filter(pk=other.pk).update(audio_name=session.audio_name)
    other.refresh_from_db()

    with pytest.raises(storage.StorageError, match="another data key"):
        audio.open_file(other)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL clears its pages by VACUUM")
def test_a_destroyed_key_is_neither_in_the_database_file_nor_in_its_log(asha, now):
    session = make_session(asha)
    record_audio(session)
    wrapped = bytes(RecordingKey.objects.get(session=session).wrapped)
    file = Path(connection.settings_dict["NAME"])
    files = [file, file.with_name(f"{file.name}-wal")]
    assert any(wrapped in one.read_bytes() for one in files)

    recording_keys.destroy(session.pk, at=now)

    assert not any(wrapped in one.read_bytes() for one in files)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps its log elsewhere")
def test_a_log_that_is_being_read_is_cleared_by_the_next_sweep(asha, now):
    session = make_session(asha)
    record_audio(session)
    wrapped = bytes(RecordingKey.objects.get(session=session).wrapped)
    file = Path(connection.settings_dict["NAME"])
    with closing(sqlite3.connect(file)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sessions_app_recordingkey").fetchone()
        recording_keys.destroy(session.pk, at=now)

    deletion.sweep(now)

    assert wrapped not in file.with_name(f"{file.name}-wal").read_bytes()


@pytest.fixture
def service(settings):
    with key_service() as running:
        settings.KMS_KEY, settings.GOOGLE_KMS_ENDPOINT = KEY, running.endpoint
        yield running


def test_recordings_move_to_the_key_service_and_back_without_a_byte_written_anew(session, service, settings):
    settings.KMS_KEY = ""
    stored = archived(session)
    before = storage.size(stored.audio_name)
    settings.KMS_KEY = KEY

    assert "1 keys wrapped anew" in rotate()
    assert RecordingKey.objects.get().key_id.startswith("kms.")
    assert b"".join(audio.open_file(stored))[:4] == b"OggS"
    assert storage.size(stored.audio_name) == before

    service.rotate()
    assert "1 keys wrapped anew" in rotate()
    assert "0 keys wrapped anew" in rotate()


def test_a_recording_begins_while_the_service_is_away_and_its_key_comes_home(session, service, now):
    service.fails_with = 503
    record_audio(session)
    assert not RecordingKey.objects.get().key_id.startswith("kms.")
    service.fails_with = 0

    rotation.bring_home(now)

    assert RecordingKey.objects.get().key_id.startswith("kms.")


def test_a_recording_whose_key_is_out_of_reach_is_not_called_damaged(session, service):
    record_audio(session)
    masters._configured.cache_clear()
    service.fails_with = 503

    with pytest.raises(spool.StorageFailed):
        recording_keys.key_of(session.pk)
    with pytest.raises(CommandError, match="run rotate_keys again"):
        rotate()

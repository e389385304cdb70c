"""Writing a private note: autosave, versions, conflicts, deletion, rotation of keys."""

import io
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.urls import reverse

from patients.tests.factories import make_patient
from sessions_app import moves
from sessions_app.tests.factories import make_session
from synapse.encryption import rotation
from synapse.psychotherapy import services
from synapse.psychotherapy.models import SITTING, ProcessNote
from synapse.psychotherapy.tests.conftest import CANARY, write


def save(note, text, *, at, based_on=None):
    services.save_note(note, text=text, based_on=based_on or note.saved_at, by=_author(note), at=at)
    note.refresh_from_db()


def _author(note):
    from synapse.accounts.models import User

    return User.objects.get(pk=note.author_id)


def test_what_is_typed_in_one_sitting_is_one_version_and_an_earlier_sitting_stays(written, now):
    note = written.note
    save(note, "Rewritten.", at=now + SITTING / 2)
    assert not note.earlier.exists()

    save(note, "A day later.", at=now + timedelta(days=1))
    save(note, "A day and a minute later.", at=now + timedelta(days=1, minutes=1))

    assert [services.read_earlier(version, by=written.author) for version in note.earlier.all()] == ["Rewritten."]
    assert services.read_text(note, by=written.author) == "A day and a minute later."


def test_a_version_somebody_saved_over_is_refused_with_both_texts_in_reach(written, now):
    note, first = written.note, written.note.saved_at
    save(note, "From the other window.", at=now + timedelta(seconds=5))

    with pytest.raises(services.NoteConflict) as refused:
        save(note, "From this window.", at=now + timedelta(seconds=9), based_on=first)

    assert refused.value.text == "From the other window."
    assert services.read_text(note, by=written.author) == "From the other window."


def test_saving_what_is_stored_already_is_no_change(written, now):
    save(written.note, CANARY, at=now + timedelta(seconds=5), based_on=now - timedelta(days=3))

    assert written.note.saved_at == now


def test_pressing_write_twice_begins_one_note(written, now):
    first = services.begin_note(written.patient, by=written.author, at=now)

    assert services.begin_note(written.patient, by=written.author, at=now) == first


def test_a_note_on_a_session_goes_with_it_to_the_right_patient(asha, now):
    session = make_session(asha, status="completed")
    wrong, right = session.patient, make_patient(asha)
    note = write(wrong, by=asha, at=now, session=session)

    moves.move_session(session, to=right, reason="Started from the wrong chart.", by=asha, at=now)

    assert list(ProcessNote.objects.visible_to(asha).about(right)) == [note]
    assert not ProcessNote.objects.visible_to(asha).about(wrong).exists()


def test_deleting_takes_earlier_versions_along(written, now):
    save(written.note, "Later.", at=now + timedelta(days=1))

    services.delete_note(written.note, by=written.author, at=now)

    assert not ProcessNote.objects.exists()


def test_a_new_audio_key_wraps_the_authors_key_anew_and_the_notes_open_without_the_former(written, settings):
    former, new = settings.AUDIO_KEY, Fernet.generate_key().decode()
    settings.AUDIO_KEY = [new, *former]
    assert rotation.count_under_former_keys() > 0

    call_command("rotate_keys", stdout=io.StringIO())
    settings.AUDIO_KEY = [new]

    assert services.read_text(written.note, by=written.author) == CANARY


def test_the_author_begins_writes_opens_and_deletes_one_on_the_pages(asha, signed_in):
    client, patient = signed_in(asha), make_patient(asha)
    panel = client.get(reverse("private_notes:for_patient", args=[patient.pk]), headers={"HX-Request": "true"})
    assert "<html" not in panel.content.decode()

    address = client.post(reverse("private_notes:write_for_patient", args=[patient.pk]))["Location"]
    note = ProcessNote.objects.get()
    sent = {"text": CANARY, "based_on": note.saved_at.isoformat()}
    saved = client.post(address, sent, headers={"Accept": "application/json"})
    again = client.post(address, {**sent, "text": "Stale."}, headers={"Accept": "application/json"})
    plain = client.post(address, {**sent, "text": "Stale."})

    assert saved.json()["saved_at"] == ProcessNote.objects.get().saved_at.isoformat()
    assert (again.status_code, again.json()["text"]) == (409, CANARY)
    assert plain.status_code == 409
    assert all(words in plain.content.decode() for words in ("Countertransference", "Stale."))
    page = client.get(address)
    assert "Countertransference" in page.content.decode()
    assert page["Cache-Control"] == "no-store"
    assert client.post(address, {"text": "x" * 20_001}).status_code == 422
    assert client.get(reverse("private_notes:delete", args=[note.pk])).status_code == 200
    client.post(reverse("private_notes:delete", args=[note.pk]))
    assert not ProcessNote.objects.exists()

import io

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from synapse.encryption import checks, crypto, key_check, rotation
from synapse.encryption.models import KeyCheck

NEW = Fernet.generate_key().decode()
OTHER = Fernet.generate_key().decode()


@pytest.mark.parametrize("name", ["FIELD_ENCRYPTION_KEY", "INDEX_KEY", "AUDIT_KEY", "SIGNING_KEY", "AUDIO_KEY"])
def test_a_wrong_key_is_refused_with_its_name(db, settings, name):
    key_check.verify_keys()

    setattr(settings, name, [NEW])

    with pytest.raises(key_check.WrongKeyError, match=name):
        key_check.verify_keys()


@pytest.mark.parametrize("name", ["FIELD_ENCRYPTION_KEY", "INDEX_KEY", "AUDIT_KEY", "SIGNING_KEY", "AUDIO_KEY"])
def test_a_new_key_before_the_former_one_passes(db, settings, name):
    key_check.verify_keys()

    setattr(settings, name, [NEW, *getattr(settings, name)])

    assert key_check.verify_keys() is None


def test_a_wrong_key_does_not_replace_the_proof(db, settings):
    key_check.verify_keys()
    before = dict(KeyCheck.objects.values_list("purpose", "proof"))
    settings.FIELD_ENCRYPTION_KEY = [NEW]

    with pytest.raises(key_check.WrongKeyError):
        key_check.verify_keys()

    assert dict(KeyCheck.objects.values_list("purpose", "proof")) == before


@pytest.mark.parametrize(
    ("name", "keys", "expected"),
    [
        ("INDEX_KEY", [], "encryption.E002"),
        ("INDEX_KEY", ["short"], "encryption.E003"),
        ("FIELD_ENCRYPTION_KEY", ["x" * 44], "encryption.E005"),
        ("FIELD_ENCRYPTION_KEY", [NEW, NEW], "encryption.E004"),
    ],
)
def test_unusable_keys_are_system_check_errors(settings, name, keys, expected):
    setattr(settings, name, keys)

    assert expected in [message.id for message in checks.check_keys(None)]


def test_one_key_for_two_purposes_is_a_system_check_error(settings):
    settings.INDEX_KEY = settings.AUDIT_KEY

    assert [message.id for message in checks.check_keys(None)] == ["encryption.E004"]


def test_the_keys_of_the_settings_pass(settings):
    assert checks.check_keys(None) == []


def rotate() -> str:
    out = io.StringIO()
    call_command("rotate_keys", stdout=out)
    return out.getvalue()


@pytest.fixture
def rotating(secrets, monkeypatch):
    """Let rotate_keys see the test's table as well."""
    models = list(rotation.apps.get_models())
    monkeypatch.setattr(rotation.apps, "get_models", lambda: [*models, secrets])
    return secrets


def test_after_a_rotation_the_former_key_can_go(rotating, settings):
    key_check.verify_keys()
    rows = [rotating.objects.create(name=f"row {number}", count=number, data=[number]) for number in range(7)]
    former = settings.FIELD_ENCRYPTION_KEY
    settings.FIELD_ENCRYPTION_KEY = [NEW, *former]

    said = rotate()
    settings.FIELD_ENCRYPTION_KEY = [NEW]

    assert "Secret: 7 rows" in said
    key_check.verify_keys()
    assert [rotating.objects.get(pk=row.pk).name for row in rows] == [row.name for row in rows]
    assert [rotating.objects.get(pk=row.pk).data for row in rows] == [row.data for row in rows]


def test_a_second_run_has_nothing_to_do(rotating, settings):
    rotating.objects.create(name="one")
    settings.FIELD_ENCRYPTION_KEY = [NEW, *settings.FIELD_ENCRYPTION_KEY]
    rotate()

    assert "Secret: 0 rows" in rotate()


def test_rows_are_rotated_in_batches(rotating, settings, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 3)
    rotating.objects.bulk_create(rotating(name=str(number)) for number in range(10))
    settings.FIELD_ENCRYPTION_KEY = [NEW, *settings.FIELD_ENCRYPTION_KEY]

    assert "Secret: 10 rows" in rotate()


def test_an_edit_made_meanwhile_is_kept(rotating, settings, monkeypatch):
    row = rotating.objects.create(name="before", text="text")
    settings.FIELD_ENCRYPTION_KEY = [NEW, *settings.FIELD_ENCRYPTION_KEY]
    rewrite = rotation._rewrite

    def edit_then_rewrite(model, key, stored):
        if model is rotating:
            rotating.objects.filter(pk=row.pk).update(name="edited")
        return rewrite(model, key, stored)

    monkeypatch.setattr(rotation, "_rewrite", edit_then_rewrite)
    with pytest.raises(CommandError, match="run rotate_keys again"):
        rotate()
    monkeypatch.setattr(rotation, "_rewrite", rewrite)
    rotate()

    settings.FIELD_ENCRYPTION_KEY = [NEW]
    found = rotating.objects.get(pk=row.pk)
    assert (found.name, found.text) == ("edited", "text")


def test_an_unreadable_row_is_reported_and_the_others_are_done(rotating, settings):
    settings.FIELD_ENCRYPTION_KEY = [OTHER]
    lost = rotating.objects.create(name="lost")
    settings.FIELD_ENCRYPTION_KEY = [NEW]
    KeyCheck.objects.all().delete()
    key_check.verify_keys()
    rotating.objects.create(name="fine")
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode(), NEW]

    with pytest.raises(CommandError, match="1 rows cannot be read"):
        rotate()

    assert rotating.objects.exclude(pk=lost.pk).get().name == "fine"


def test_search_tokens_are_written_anew_with_the_fields(db, monkeypatch):
    monkeypatch.setattr(rotation, "_reindexers", {"people": lambda: 3})

    assert "people: 3 rows indexed anew" in rotate()


def test_dumpdata_refuses_to_write_patients_in_plain_text(db):
    with pytest.raises(CommandError, match="encrypted fields"):
        call_command("dumpdata", "patients", stdout=io.StringIO())
    with pytest.raises(CommandError, match="encrypted fields"):
        call_command("dumpdata", stdout=io.StringIO())


def test_dumpdata_writes_the_rest(db):
    out = io.StringIO()

    call_command("dumpdata", "contenttypes", stdout=out)

    assert "contenttypes" in out.getvalue()


def test_the_key_id_tells_nothing_of_the_key():
    assert len(crypto.key_id(NEW)) == 8
    assert crypto.key_id(NEW) not in NEW

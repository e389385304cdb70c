import datetime as dt
from contextlib import nullcontext
from subprocess import CompletedProcess

import pytest
from cryptography.fernet import Fernet
from django.contrib.staticfiles.finders import FileSystemFinder
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from synapse import startup
from synapse.accounts.models import ClinicSettings
from synapse.common import triggers
from synapse.encryption import key_check
from synapse.management.commands import up

NOON = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


def test_a_sound_installation_may_start(db):
    assert startup.refuse_unsafe_start() is None


@pytest.mark.parametrize("name", ["FIELD_ENCRYPTION_KEY", "INDEX_KEY", "AUDIT_KEY", "SIGNING_KEY", "AUDIO_KEY"])
def test_a_wrong_key_refuses_the_start_with_a_sentence(db, settings, name):
    key_check.verify_keys()
    setattr(settings, name, [Fernet.generate_key().decode()])

    with pytest.raises(CommandError, match=f"{name} is not the key this database was written with"):
        startup.refuse_unsafe_start()


def test_pending_migrations_refuse_the_start(db, monkeypatch):
    monkeypatch.setattr(startup, "pending_migrations", lambda: True)

    with pytest.raises(CommandError, match="manage.py migrate"):
        startup.refuse_unsafe_start()


def test_a_missing_trigger_refuses_the_start(db):
    triggers._drop(connection, triggers.registered()[0])

    with pytest.raises(CommandError, match=r"common\.W001"):
        startup.refuse_unsafe_start()


def test_the_commands_of_the_tree_check_before_they_serve(db, settings, monkeypatch):
    monkeypatch.delenv("SYNAPSE_SUPERVISED", raising=False)
    key_check.verify_keys()
    settings.INDEX_KEY = [Fernet.generate_key().decode()]

    for command in ("web", "worker"):
        with pytest.raises(CommandError, match="INDEX_KEY"):
            call_command(command)


@pytest.fixture
def quiet(monkeypatch):
    """Let nothing but the decision run."""
    commands = []
    monkeypatch.setattr(startup, "call_command", lambda name, **options: commands.append(name))
    monkeypatch.setattr(startup, "collect_static", lambda: False)
    monkeypatch.setattr(startup, "load_demo_clinic", lambda: commands.append("demo clinic"))
    monkeypatch.setattr(startup, "back_up_database", lambda at: commands.append("backup") or "file")
    return commands


def test_existing_data_is_backed_up_before_it_is_migrated(db, quiet, monkeypatch, asha):
    monkeypatch.setattr(startup, "pending_migrations", lambda: True)

    list(startup.prepare(NOON))

    assert quiet == ["backup", "migrate"]


def test_a_new_database_is_migrated_without_a_backup_and_gets_the_demo_clinic(db, quiet, monkeypatch):
    monkeypatch.setattr(startup, "pending_migrations", lambda: True)
    monkeypatch.setattr(startup, "has_data", lambda: False)

    list(startup.prepare(NOON))

    assert quiet == ["migrate", "demo clinic"]


def test_a_database_with_people_gets_no_demo_clinic(db, quiet, asha):
    list(startup.prepare(NOON))

    assert quiet == []


def test_production_never_gets_the_demo_clinic(db, quiet, settings):
    settings.MODE = "production"

    list(startup.prepare(NOON))

    assert quiet == []


def test_a_demo_clinic_that_was_loaded_in_part_begins_anew(db, quiet, data_dir, monkeypatch):
    database = data_dir / "half.sqlite3"
    database.touch()
    (data_dir / "half.sqlite3-wal").touch()
    (data_dir / startup.HALF_LOADED).write_text(str(database))
    monkeypatch.setattr(startup, "connection", StandIn("sqlite", database))

    with pytest.raises(CommandError, match="loads it again from the start"):
        startup.refuse_unsafe_start()
    monkeypatch.setattr(startup, "pending_migrations", lambda: True)
    monkeypatch.setattr(startup, "has_data", lambda: database.exists())
    said = list(startup.prepare(NOON))

    assert "begins anew" in said[0]
    assert quiet == ["migrate", "demo clinic"]
    assert list(data_dir.glob("*half*")) == []


def test_another_database_is_never_emptied_for_a_demo_that_was_loaded_in_part(db, quiet, data_dir, asha, monkeypatch):
    database = data_dir / "clinic.sqlite3"
    database.write_text("patients")
    (data_dir / startup.HALF_LOADED).write_text(str(data_dir / "demo.sqlite3"))
    monkeypatch.setattr(startup, "connection", StandIn("sqlite", database))
    monkeypatch.setattr(startup, "pending_migrations", lambda: False)

    list(startup.prepare(NOON))

    assert database.read_text() == "patients"


def test_a_half_loaded_demo_on_a_server_is_left_to_its_owner(db, quiet, data_dir, monkeypatch):
    (data_dir / startup.HALF_LOADED).write_text("synapse")
    monkeypatch.setattr(startup, "connection", StandIn("postgresql", "synapse"))

    with pytest.raises(CommandError, match="DATABASE_URL names anew"):
        list(startup.prepare(NOON))

    assert quiet == []


@pytest.mark.parametrize(("code", "is_left"), [(0, False), (1, True)])
def test_a_load_that_fails_leaves_its_mark(data_dir, monkeypatch, code, is_left):
    monkeypatch.setattr(startup.subprocess, "run", lambda *args, **options: CompletedProcess(args, code))

    with pytest.raises(CommandError) if code else nullcontext():
        startup.load_demo_clinic()

    assert (data_dir / startup.HALF_LOADED).exists() == is_left


class StandIn:
    """A database of a kind under a name."""

    def __init__(self, vendor, name):
        self.vendor, self.settings_dict = vendor, {"NAME": name}

    def close(self):
        pass


def test_static_files_are_collected_once_and_again_when_one_changes(settings, tmp_path, monkeypatch):
    calls = []
    settings.STATIC_ROOT = tmp_path / "collected"
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.css").write_text("a")
    settings.STATICFILES_DIRS = [source]

    def collect(name: str, **options: object) -> None:
        calls.append(name)
        settings.STATIC_ROOT.mkdir(exist_ok=True)

    monkeypatch.setattr(startup, "call_command", collect)
    monkeypatch.setattr(startup, "get_finders", lambda: [FileSystemFinder()])

    assert [startup.collect_static(), startup.collect_static()] == [True, False]
    (source / "b.css").write_text("b")
    assert startup.collect_static() is True
    assert calls == ["collectstatic", "collectstatic"]


def test_the_address_and_the_demo_logins_are_announced(db, settings):
    from django.contrib.auth import get_user_model

    settings.DEMO_PASSWORD = "a fine password"
    for name in ("doctor", "admin"):
        get_user_model().objects.create_user(name, f"{name}@x.example", "a fine password", role="doctor")

    text = "\n".join(up.announcement())

    assert f"SynapseAI is ready: {settings.BASE_URL}" in text
    assert "Demo logins: doctor, admin." in text
    assert "Password: a fine password" in text
    assert "microphone" not in text


def test_a_password_that_no_longer_opens_the_demo_is_not_printed(db, settings):
    from django.contrib.auth import get_user_model

    settings.DEMO_PASSWORD = "a fine password"
    get_user_model().objects.create_user("doctor", "d@x.example", "another one", role="doctor")

    assert "a fine password" not in "\n".join(up.announcement())


def test_in_production_no_login_is_announced(db, settings):
    settings.MODE = "production"

    assert "Demo" not in "\n".join(up.announcement())


@pytest.mark.parametrize(
    ("host", "base_url", "warns"),
    [
        ("0.0.0.0", "http://clinic.example", True),
        ("0.0.0.0", "https://clinic.example", False),
        ("127.0.0.1", "http://localhost:8000", False),
    ],
)
def test_an_address_without_https_warns_of_the_microphone(db, settings, host, base_url, warns):
    settings.HOST, settings.BASE_URL = host, base_url

    assert ("refuse the microphone" in "\n".join(up.announcement())) is warns


def test_a_taken_port_is_refused_with_what_to_do():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(CommandError, match="PORT=8001 make run"):
            up.refuse_taken_port("127.0.0.1", port)

    assert up.refuse_taken_port("127.0.0.1", port) is None


def test_the_certificate_for_pdfs_is_made_once_the_clinic_has_its_name(db, data_dir):
    assert startup.make_certificate(NOON) is False
    clinic = ClinicSettings.load()
    clinic.name = "Banyan Clinic"
    clinic.save()

    assert startup.make_certificate(NOON) is True
    assert startup.make_certificate(NOON) is False
    assert (data_dir / "pdf-certificate" / "clinic.p12").is_file()

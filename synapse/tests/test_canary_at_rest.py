"""Nothing of a patient lies in plain anywhere: database, files, queue, sessions, cache, messages, log."""

import base64
import logging
import logging.config
import pickle
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache, caches
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from scheduling.models import Appointment
from sessions_app import stt
from sessions_app.tests.speech_jobs import Engine
from synapse.audit.models import AuditEvent
from synapse.common import jobs
from synapse.common.models import Job
from synapse.encryption.rotation import encrypted_fields
from synapse.erasure.tests.factories import CANARY
from synapse.records.exports import contents
from synapse.tests.console import console
from synapse.tests.marked_record import BORN, NAME, PHONE, SAID, fill_the_house, pcm_with_mark
from synapse.webhooks.models import WebhookDelivery

# Words of the patients in every coat they could lie around in.
WORDS = (CANARY, PHONE, BORN)
NEEDLES = {
    needle.lower()
    for word in WORDS
    for needle in (
        word.encode(),
        word.encode("utf-16-le"),
        word.encode().hex().encode(),
        # Of each of three ways to fall on the groups of base64, the part that does not hang on what is around it.
        *(base64.b64encode(b"x" * shift + word.encode())[4:-4] for shift in range(3)),
    )
}
# Files that are no ciphertext: whatever was said in them would be readable without any word in plain.
OPEN = "in an open format"
OPEN_FORMATS = (b"RIFF", b"OggS", b"fLaC", b"PK\x03\x04", b"%PDF", b"\x1f\x8b", b"\x89PNG")

SMS = "sms"  # the development's stand-in for a provider: looked at with the messages


def is_marked(content: bytes) -> bool:
    """Tell whether a word of a patient stands in these bytes."""
    lower = content.lower()
    return any(needle in lower for needle in NEEDLES)


def tables() -> dict[str, bytes]:
    """Return each column of each table as it is stored."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column.name if hasattr(column, "name") else column[0] for column in cursor.description]
            for column, *values in zip(columns, *cursor.fetchall(), strict=True):
                found[f"{table}.{column}"] = b"\n".join(map(_as_bytes, values))
    return found


def _as_bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def files() -> dict[str, bytes]:
    """Return every file of the data folder and of the database: spools, uploads, what is kept and given away."""
    folder = Path(settings.DATA_DIR)
    paths = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != SMS]
    if connection.vendor == "sqlite":
        database = Path(connection.settings_dict["NAME"])
        paths += database.parent.glob(f"{database.name}*")  # its write-ahead log and its journal lie beside it
    found = {}
    for path in sorted(paths):
        content = path.read_bytes()
        kind = OPEN if content.startswith(OPEN_FORMATS) else ""
        found[f"{path.parent.name}/{path.name} {kind}".strip()] = str(path).encode() + content
    return found


def queue() -> dict[str, bytes]:
    """Return what the queue carries and what it keeps of finished work, decoded."""
    found = {f"queued {row.pk}": repr(row.task).encode() for row in OrmQ.objects.all()}
    for task in Task.objects.all():
        found[f"task {task.pk}"] = repr((task.name, task.args, task.kwargs, task.result)).encode()
    return found


def browser_sessions() -> dict[str, bytes]:
    return {f"session {row.pk[:4]}": repr(row.get_decoded()).encode() for row in Session.objects.all()}


def cached() -> dict[str, bytes]:
    """Return keys and values of every cache."""
    return {
        f"{name} {key}": f"{key} {pickle.loads(value)!r}".encode()
        for name in settings.CACHES
        for key, value in caches[name]._cache.items()
    }


def messages() -> dict[str, bytes]:
    """Return e-mails and SMS as sent, without the name of whom they are for."""
    texts = {f"mail {number}": str(one.message()) + one.body for number, one in enumerate(mail.outbox)}
    texts |= {path.name: path.read_text() for path in Path(settings.DATA_DIR).glob(f"{SMS}/*")}
    return {name: text.replace(NAME, "").encode() for name, text in texts.items()}


PLACES = {
    "tables": tables,
    "files": files,
    "queue": queue,
    "sessions": browser_sessions,
    "caches": cached,
    "messages": messages,
}


def plain() -> dict[str, list[str]]:
    """Return where in each kind of place a word of a patient can be read."""
    return {
        kind: [name for name, content in look().items() if is_marked(content) or name.endswith(OPEN)]
        for kind, look in PLACES.items()
    }


@pytest.fixture
def log():
    with console(level=logging.DEBUG) as written:
        yield written


@pytest.fixture
def house(log, asha, ben, rita, omar, api, settings, tmp_path, monkeypatch):
    """A house in which everything was done, with its own data folder."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: Engine(SAID))
    # How a document looks is not asked here; its words go into the archive as they are.
    monkeypatch.setattr(contents.documents, "to_pdf", lambda sheet: f"%PDF {CANARY}".encode())
    cache.clear()
    return fill_the_house(asha, ben, rita, omar, api, at=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_no_word_of_a_patient_lies_in_plain_anywhere(house, log, settings, asha):
    settings.JOB_DOORBELL = "synapse.common.jobs.ring_queue"
    with transaction.atomic():
        jobs.enqueue("patients.tasks.mail_emergency", house.pk, by_id=asha.pk)

    assert plain() == {kind: [] for kind in PLACES}
    assert not is_marked(log.getvalue().encode())
    assert_everything_was_done()
    plant()
    found = plain()
    assert [kind for kind in PLACES if not found[kind]] == [], "what is planted has to be found"
    assert "scheduling_appointment.location" in found["tables"]
    if connection.vendor == "sqlite":
        assert any("sqlite3" in name for name in found["files"])
    assert is_marked(log.getvalue().encode())


def assert_everything_was_done():
    """Look at what was made, so that an empty house passes nothing."""
    marked = [
        f"{model._meta.label}.{column.name}"
        for model in apps.get_models()
        for column in encrypted_fields(model)
        if any(
            word in str(value) for value in model._base_manager.values_list(column.name, flat=True) for word in WORDS
        )
    ]
    assert len(marked) > 50, marked
    names = {path.relative_to(settings.DATA_DIR).as_posix() for path in Path(settings.DATA_DIR).rglob("*")}
    for part in ("spool/", "uploads/", ".ogg", ".zip"):
        assert any(part in name for name in names), part
    assert OrmQ.objects.count() == 1
    assert Session.objects.count() > 1
    assert len(mail.outbox) > 3
    assert WebhookDelivery.objects.exists()
    assert AuditEvent.objects.count() > 80
    assert Job.objects.filter(state=Job.State.FAILED).exclude(kind__startswith="synapse.webhooks").count() == 0


def plant() -> None:
    """Leave a word in plain in every kind of place."""
    Appointment.objects.update(location=CANARY)
    (Path(settings.DATA_DIR) / "spool" / "forgotten").write_bytes(pcm_with_mark())
    async_task("synapse.common.jobs.run_job", CANARY, save=False)
    store = SessionStore()
    store["last_search"] = PHONE
    store.save()
    cache.set("search", [{"born": BORN}])
    mail.send_mail("Your visit", f"about {CANARY}", None, ["reader@mail.example"])
    logging.getLogger("synapse").info("searched for %s", CANARY)


@pytest.mark.parametrize(
    "content",
    [
        f"since {CANARY} left".encode("utf-16-le"),
        base64.b64encode(f"since {CANARY} left".encode()),
        PHONE.encode().hex().encode(),
        pickle.dumps({"born": BORN}),
    ],
)
def test_a_word_is_known_in_other_coats(content):
    assert is_marked(content)
    assert not is_marked(content[::-1])

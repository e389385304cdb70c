import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from synapse.audit import services
from synapse.audit.models import AuditEvent, ChainHead
from synapse.common import triggers
from synapse.common.triggers import Trigger


@pytest.fixture
def event(db) -> AuditEvent:
    with services.unit_of_work():
        return services.record("system", by=None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET action = 'read'",
        "DELETE FROM audit_auditevent",
        "DELETE FROM audit_chainhead",
    ],
)
def test_the_database_itself_refuses_to_change_audit_rows(event, statement):
    with pytest.raises(DatabaseError, match="(?i)audit"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert AuditEvent.objects.get().action == "system"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
@pytest.mark.parametrize(
    "table", sorted({trigger.table for trigger in triggers.registered() if trigger.event == "DELETE"})
)
def test_no_table_whose_rows_stay_is_emptied_at_once(event, table):
    with pytest.raises(DatabaseError, match="TRUNCATE refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} CASCADE")

    assert AuditEvent.objects.get().action == "system"


def test_the_orm_is_refused_as_well(event):
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.update(action="read")
    with pytest.raises(DatabaseError), transaction.atomic():
        event.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        ChainHead.objects.all().delete()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no OR REPLACE")
@pytest.mark.parametrize("key", ["seq = seq, id = 'other'", "seq = 2, id = id"])
def test_no_audit_row_is_pushed_out_by_another(event, key):
    seq, row_id = (part.split(" = ")[1] for part in key.split(", "))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_copied("audit_auditevent", {"seq": seq, "id": row_id}))

    assert AuditEvent.objects.get().action == "system"


def _copied(table, changed):
    """Return a statement that puts a copy of a table's rows, with some columns changed, in the place of the rows."""
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    values = ", ".join(changed.get(column, column) for column in columns)
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}"


def test_every_registered_trigger_is_in_the_database(db):
    assert triggers.registered()
    assert triggers.missing(connection) == []
    assert triggers.check_triggers(None, databases=["default"]) == []


def test_a_missing_trigger_is_a_system_check_error_and_install_brings_it_back(db):
    gone = next(trigger for trigger in triggers.registered() if trigger.name == "audit_event_no_delete")
    triggers._drop(connection, gone)

    found = triggers.check_triggers(None, databases=["default"])
    assert [message.id for message in found] == ["common.W001"]
    assert "audit_event_no_delete" in found[0].msg

    triggers.install(connection)
    triggers.install(connection)
    assert triggers.check_triggers(None, databases=["default"]) == []


def test_every_trigger_belongs_to_a_model(db):
    assert [trigger.name for trigger in triggers.registered() if not apps.get_model(trigger.model)] == []


def test_a_condition_decides_which_rows_are_refused(db, monkeypatch):
    trigger = Trigger("test_odd_counters", "common.Counter", "UPDATE", "It's odd.", when="NEW.last % 2 = 1")
    monkeypatch.setattr(triggers, "_registry", {trigger.name: trigger})
    counter = apps.get_model("common.Counter").objects.create(series="X", period="1")
    triggers.install(connection)

    counter.last = 2
    counter.save()
    counter.last = 3
    with pytest.raises(DatabaseError, match="It's odd"), transaction.atomic():
        counter.save()

    triggers._drop(connection, trigger)

"""No row takes the place of a signed one: SQLite's OR REPLACE deletes without DELETE triggers."""

import uuid

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from reports import services
from reports.models import Addendum, CoSignature, Report, SealEntry
from reports.sealing import signing
from reports.sealing.signing import Seal
from reports.tests.factories import make_report, reloaded
from reports.tests.test_addenda import make_addendum

pytestmark = pytest.mark.django_db
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no OR REPLACE")
NEW_ID = uuid.UUID(int=7).hex


@pytest.fixture
def sealed(asha, ben, now):
    """A row of each kind that stays, by the name of its model."""
    addendum = make_addendum(asha, now)
    report = addendum.report
    asked = services.ask_co_signature(report, supervisor=ben, by=asha, at=now)
    co_signature = services.co_sign(asked, by=ben, at=now, password_checked=True)
    return {
        "Report": reloaded(report),
        "Addendum": addendum,
        "CoSignature": co_signature,
        "SealEntry": signing.entry_of(report),
    }


def replace_by_copy(row, **changed):
    """Put a copy of a row over it, with some columns changed; raises what the database raises."""
    table = row._meta.db_table
    columns = {field.column: field.column for field in row._meta.concrete_fields}
    columns |= {name: repr(value) for name, value in changed.items()}
    _run(
        f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} "
        f"FROM {table} WHERE id = %s",
        _id(row),
    )


def _run(statement, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def _id(row):
    return row.pk.hex if isinstance(row.pk, uuid.UUID) and connection.vendor == "sqlite" else row.pk


@on_sqlite
@pytest.mark.parametrize(
    ("model", "changed"),
    [
        ("Report", {"engine": "forged"}),
        ("Report", {"status": "completed", "generated_content": ""}),
        ("Report", {"id": NEW_ID}),
        ("Report", {"id": NEW_ID, "version": 9, "rowid": 1}),
        ("Addendum", {"text": "forged"}),
        ("Addendum", {"id": NEW_ID}),
        ("CoSignature", {"comment": "forged"}),
        ("CoSignature", {"id": NEW_ID, "status": "pending", "decided_at": None}),
        ("SealEntry", {"digest": "0" * 64}),
        ("SealEntry", {"id": 999}),
        ("SealEntry", {"id": 999, "code": "other", "number": 99}),
        ("SealEntry", {"id": 999, "code": "other", "object_id": NEW_ID}),
        ("SealEntry", {"id": 999, "number": 99, "object_id": NEW_ID}),
    ],
)
def test_no_copy_takes_the_place_of_a_sealed_row(sealed, model, changed):
    row = sealed[model]
    if "rowid" in changed:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rowid FROM reports_report WHERE id = %s", [_id(row)])
            changed = {**changed, "rowid": cursor.fetchone()[0]}
    changed = {name: value for name, value in changed.items() if value is not None}

    with pytest.raises(IntegrityError, match="REPLACE refused"):
        replace_by_copy(row, **changed)

    assert type(row).objects.filter(pk=row.pk).exists()
    assert signing.verify(reloaded(sealed["Report"])) is Seal.WHOLE


@on_sqlite
@pytest.mark.parametrize("column", ["id", "version", "rowid"])
def test_no_draft_moves_into_the_place_of_a_signed_report(asha, now, column):
    report = make_report(asha, status="signed")
    draft = services.amend_report(report, reason="Dose.", by=asha, at=now)

    with pytest.raises(IntegrityError, match="REPLACE refused"):
        _run(
            f"UPDATE OR REPLACE reports_report SET {column} = (SELECT kept.{column} FROM reports_report AS kept "
            "WHERE kept.id = %s) WHERE id = %s",
            _id(report),
            _id(draft),
        )

    assert signing.verify(reloaded(report)) is Seal.WHOLE


@pytest.mark.parametrize(("model", "column"), [("Report", "engine"), ("Addendum", "number"), ("SealEntry", "number")])
def test_an_insert_that_would_update_a_sealed_row_is_refused_on_both_databases(sealed, model, column):
    row = sealed[model]
    table, columns = row._meta.db_table, ", ".join(field.column for field in row._meta.concrete_fields)

    with pytest.raises(DatabaseError, match="refused|does not change"):
        _run(
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE id = %s "
            f"ON CONFLICT (id) DO UPDATE SET {column} = {'9' if column == 'number' else repr('forged')}",
            _id(row),
        )


@on_sqlite
def test_a_draft_may_be_replaced(asha):
    report = make_report(asha)

    replace_by_copy(report, engine="other")

    assert reloaded(report).engine == "other"


@pytest.mark.parametrize("model", [Report, Addendum, CoSignature, SealEntry])
def test_every_unique_constraint_of_a_sealed_row_is_guarded(model):
    """A constraint that is added later has to be thought of: with a condition no sealed row meets, or as a key."""
    known = {
        "report_one_per_version",
        "report_one_running_per_session",
        "addendum_one_per_number",
        "addendum_one_draft_per_author",
        "co_signature_one_per_report",
        "seal_one_per_number",
        "seal_one_per_object",
    }
    unique = {one.name for one in model._meta.total_unique_constraints} | {
        one.name for one in model._meta.constraints if hasattr(one, "nulls_distinct")
    }

    assert unique <= known
    assert {field.name for field in model._meta.fields if field.unique} <= {"id", "code"}

"""Change the audit tables behind the application's back, and ask what the walk finds."""

from contextlib import contextmanager

from django.db import connection, transaction

from synapse.audit.models import AuditEvent, AuditSubject, ChainHead
from synapse.audit.verification import verify_chain
from synapse.common import triggers


def tamper(*statements: str) -> None:
    """Change rows as somebody would who owns the database and nothing else."""
    tables = {AuditEvent._meta.db_table, AuditSubject._meta.db_table, ChainHead._meta.db_table}
    with triggers.lifted(connection, tables), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def tampered(*statements: str):
    """Change rows for the block only, so that one chain serves many changes."""
    with transaction.atomic():
        tamper(*statements)
        yield
        transaction.set_rollback(True)


def found() -> list[tuple[int, str]]:
    return [(broken.seq, broken.kind.value) for broken in verify_chain().breaks]


def broken_row() -> int | None:
    verdict = verify_chain()
    return verdict.broken.seq if verdict.broken else None

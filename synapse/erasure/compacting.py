"""Have the database let go of the pages that held what was erased."""

from django.db import connection

from sessions_app.recordings.keys import clear_log
from synapse.encryption import erasing


def let_go_of_old_pages() -> None:
    """Empty SQLite's log (it overwrites what it deletes), or vacuum PostgreSQL's tables of what nobody sees any more.

    What PostgreSQL still holds in its write-ahead log and in free space is ciphertext, as it was in the tables.
    """
    if connection.in_atomic_block:
        return
    if connection.vendor == "sqlite":
        clear_log()
        return
    with connection.cursor() as cursor:
        for table in sorted({rows.table._meta.db_table for rows in erasing.covered().values()}):
            cursor.execute(f"VACUUM {connection.ops.quote_name(table)}")

"""Let PostgreSQL itself refuse two active visits in one room at the same time."""

from django.db import migrations


def add_constraint(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute(
        "ALTER TABLE scheduling_appointment ADD CONSTRAINT appointment_room_overlap EXCLUDE USING gist "
        "(room_id WITH =, tstzrange(scheduled_at, ends_at, '[)') WITH &&) "
        "WHERE (status IN ('scheduled', 'confirmed', 'completed') AND NOT overbooked)"
    )


def drop_constraint(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("ALTER TABLE scheduling_appointment DROP CONSTRAINT IF EXISTS appointment_room_overlap")


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0003_front_desk")]

    operations = [migrations.RunPython(add_constraint, drop_constraint)]

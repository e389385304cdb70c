"""Let PostgreSQL itself refuse two active visits of one doctor or one patient at the same time."""

from django.db import migrations

ACTIVE = "('scheduled', 'confirmed', 'completed')"
COLUMNS = {"appointment_doctor_overlap": "doctor_id", "appointment_patient_overlap": "patient_id"}


def add_constraints(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    for name, column in COLUMNS.items():
        schema_editor.execute(
            f"ALTER TABLE scheduling_appointment ADD CONSTRAINT {name} EXCLUDE USING gist "
            f"({column} WITH =, tstzrange(scheduled_at, ends_at, '[)') WITH &&) "
            f"WHERE (status IN {ACTIVE} AND NOT overbooked)"
        )


def drop_constraints(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for name in COLUMNS:
        schema_editor.execute(f"ALTER TABLE scheduling_appointment DROP CONSTRAINT IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0001_initial")]

    operations = [migrations.RunPython(add_constraints, drop_constraints)]

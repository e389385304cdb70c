from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def leave_to_patient(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Give claims that were answered with nothing the status of their own."""
    claims = apps.get_model("billing", "Claim").objects.using(editor.connection.alias)
    claims.filter(status="paid", payment__isnull=True).update(status="to_patient")


def call_paid(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    claims = apps.get_model("billing", "Claim").objects.using(editor.connection.alias)
    claims.filter(status="to_patient").update(status="paid")


class Migration(migrations.Migration):
    dependencies = [("billing", "0024_claims_left_to_patients")]

    operations = [migrations.RunPython(leave_to_patient, call_paid)]

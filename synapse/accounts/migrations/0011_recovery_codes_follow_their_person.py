"""Say of each recovery code whose it is."""

from django.db import migrations
from django.db.models import OuterRef, Subquery


def name_owners(apps, schema_editor):
    authenticators = apps.get_model("accounts", "Authenticator").objects.filter(pk=OuterRef("authenticator"))
    apps.get_model("accounts", "RecoveryCode").objects.update(user=Subquery(authenticators.values("user")))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_passkeys")]

    operations = [migrations.RunPython(name_owners, migrations.RunPython.noop)]

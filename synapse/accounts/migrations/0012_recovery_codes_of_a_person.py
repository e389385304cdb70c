"""Recovery codes stand in for whatever second factor their person has."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_recovery_codes_follow_their_person")]

    operations = [
        migrations.RemoveConstraint(model_name="recoverycode", name="recovery_code_once_per_authenticator"),
        migrations.AlterField(
            model_name="recoverycode",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="recovery_codes",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RemoveField(model_name="recoverycode", name="authenticator"),
        migrations.AddConstraint(
            model_name="recoverycode",
            constraint=models.UniqueConstraint(fields=("user", "code_hash"), name="recovery_code_once_per_person"),
        ),
    ]

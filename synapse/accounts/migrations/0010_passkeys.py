"""Passkeys beside the authenticator app, an app that waits to replace the one in use, and codes that are a person's."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_keeping_and_erasing")]

    operations = [
        migrations.CreateModel(
            name="Passkey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(help_text="What its owner calls the device.", max_length=80)),
                ("credential_id", models.CharField(help_text="URL-safe base64.", max_length=1400, unique=True)),
                ("public_key", models.BinaryField(help_text="COSE.")),
                (
                    "sign_count",
                    models.PositiveBigIntegerField(default=0, help_text="Some authenticators count, others say 0."),
                ),
                (
                    "last_challenge_hash",
                    models.CharField(blank=True, help_text="An answer counts once.", max_length=64),
                ),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="passkeys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="authenticator",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="authenticator",
            constraint=models.UniqueConstraint(
                fields=("user", "confirmed"), name="authenticator_one_in_use_one_waiting"
            ),
        ),
        migrations.AddField(
            model_name="recoverycode",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="recovery_codes",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]

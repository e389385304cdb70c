"""A table with one column of every encrypted kind, for tests of the fields themselves."""

from collections.abc import Iterator

import pytest
from django.apps.registry import Apps
from django.db import connection, models

from synapse.encryption import fields


class Secret(models.Model):
    name = fields.EncryptedCharField(max_length=10, blank=True, default="")
    text = fields.EncryptedTextField(blank=True, default="")
    email = fields.EncryptedEmailField(blank=True, default="")
    born_on = fields.EncryptedDateField(null=True, blank=True)
    seen_at = fields.EncryptedDateTimeField(null=True, blank=True)
    count = fields.EncryptedIntegerField(null=True, blank=True)
    amount = fields.EncryptedDecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    data = fields.EncryptedJSONField(null=True, blank=True)
    flag = fields.EncryptedBooleanField(default=False)
    plain = models.CharField(max_length=20, blank=True, default="")

    class Meta:
        app_label = "encryption_tests"
        apps = Apps()  # known to nobody else: the walks over all models pass it by


@pytest.fixture(scope="session")
def secret_table(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            editor.create_model(Secret)
        yield
        with connection.schema_editor() as editor:
            editor.delete_model(Secret)


@pytest.fixture
def secrets(secret_table: None, db: None) -> type[Secret]:
    return Secret

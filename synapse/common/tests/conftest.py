"""A model with states, for tests of the transition table."""

from collections.abc import Iterator

import pytest
from django.apps.registry import Apps
from django.db import connection, models


class Light(models.Model):
    class Status(models.TextChoices):
        RED = "red"
        GREEN = "green"
        BROKEN = "broken", "Out of order"

    TRANSITIONS = {Status.RED: {Status.GREEN, Status.BROKEN}, Status.GREEN: {Status.RED}, Status.BROKEN: set()}

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RED)
    changed_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "common_tests"
        verbose_name = "traffic light"
        apps = Apps()


@pytest.fixture(scope="session")
def light_table(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            editor.create_model(Light)
        yield
        with connection.schema_editor() as editor:
            editor.delete_model(Light)


@pytest.fixture
def lights(light_table: None, db: None) -> type[Light]:
    return Light

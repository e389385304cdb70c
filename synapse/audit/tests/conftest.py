"""A short chain to change."""

from uuid import uuid4

import pytest

from synapse.audit import services
from synapse.audit.models import Action, AuditEvent


@pytest.fixture
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def chain(db, data_dir) -> list[AuditEvent]:
    """Write ten rows, two of them lists."""
    events = []
    for number in range(1, 11):
        with services.unit_of_work():
            subjects = [uuid4(), uuid4()] if number in (3, 7) else []
            events.append(services.record(Action.READ, by=None, detail={"number": number}, subjects=subjects))
    return events

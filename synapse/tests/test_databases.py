"""What a test that commits leaves to the next one: an installation as its migrations made it."""

import pytest
from django.db import connection

from billing.models import Code
from patients.tests.factories import make_patient
from reports.models import ReportTemplate
from synapse.accounts.models import User
from synapse.audit.models import AuditEvent
from synapse.testing import databases
from synapse.testing.plugin import make_user


def rows_of(model):
    return list(model.objects.order_by("pk").values())


@pytest.mark.django_db(transaction=True)
def test_what_a_test_committed_is_gone_and_what_it_changed_is_as_it_shipped(transactional_db, now):
    codes, templates = rows_of(Code), rows_of(ReportTemplate)
    make_patient(make_user("asha", "doctor", "Asha", "Rao"), at=now)
    Code.objects.filter(code="F32.1").update(words="Ours")
    Code.objects.filter(code="F32.0").delete()
    Code.objects.create(system="icd10", code="Z99.9", words="Ours", search_words="ours")

    databases.empty(connection)

    assert not User.objects.exists()
    assert not AuditEvent.objects.exists()
    assert codes
    assert templates
    assert rows_of(Code) == codes
    assert rows_of(ReportTemplate) == templates

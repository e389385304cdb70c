"""Many press at once on a link that opens once."""

import threading

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from reports import services
from reports.models import ReportShare, ShareOpening
from reports.tests.factories import make_report
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 20


def press_at_once(path, data):
    """Post to a link from 20 browsers that start together; return the statuses."""
    ready = threading.Barrier(THREADS)
    statuses = []

    def press() -> None:
        try:
            ready.wait(timeout=30)
            statuses.append(Client().post(path, data).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=90)
    return statuses


@pytest.mark.parametrize("pin", ["", "246810"])
def test_of_twenty_presses_one_opens_a_single_use_link(asha, pin):
    report = make_report(asha, status="signed")
    made = services.share_report(
        report,
        audience="patient",
        document="report",
        email="kavya@mail.example",
        expires_in_hours=1,
        pin=pin,
        by=asha,
        at=timezone.now(),
    )

    statuses = press_at_once(made.path, {"pin": pin})

    assert len(statuses) == THREADS
    assert statuses.count(302) == 1
    assert set(statuses) <= {302, 404, 429}
    assert ShareOpening.objects.count() == 1
    assert ReportShare.objects.get().uses_left == 0
    assert AuditEvent.objects.filter(action="share", detail__verb="open", outcome="allowed").count() == 1

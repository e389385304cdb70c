"""Many at once: one signs, one edits, one asks."""

import threading

import pytest
from django.db import connection, connections
from django.utils import timezone

from reports import services, signing
from reports.models import Report
from reports.tests.factories import make_report, make_written_session, reloaded, settle
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 20


def at_once(work):
    """Run `work(number)` in many threads that start together; return outcomes, "ok" or the error's code."""
    count = THREADS if connection.vendor == "postgresql" else 6
    ready = threading.Barrier(count)
    outcomes: list[str] = []

    def run(number: int) -> None:
        try:
            ready.wait(timeout=30)
            work(number)
            outcomes.append("ok")
        except Conflict as error:
            outcomes.append(error.code)
        except Exception as error:  # noqa: BLE001  the test reads every outcome
            outcomes.append(repr(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcomes


def test_of_many_signatures_at_once_one_wins(asha):
    report = settle(make_report(asha), by=asha)

    outcomes = at_once(lambda number: services.sign_report(report, by=asha, at=timezone.now(), password_checked=True))

    assert outcomes.count("ok") == 1
    assert set(outcomes) == {"ok", "report_signed"}
    assert signing.verify(reloaded(report)) is signing.Seal.WHOLE
    assert AuditEvent.objects.filter(action="sign").count() == 1


def test_an_edit_never_slips_into_a_signed_report(asha):
    report = settle(make_report(asha), by=asha)

    def work(number: int) -> None:
        if number % 2:
            services.sign_report(report, by=asha, at=timezone.now(), password_checked=True, revision=report.revision)
        else:
            services.add_sentence(report, "plan", f"Line {number}.", by=asha, at=timezone.now())

    outcomes = at_once(work)

    assert set(outcomes) <= {"ok", "report_signed", "stale_revision", "not_ready_to_sign"}
    stored = reloaded(report)
    assert signing.verify(stored) in {signing.Seal.WHOLE, signing.Seal.NONE}
    if stored.is_signed:
        assert "Line" not in stored.generated_content


def test_of_many_requests_at_once_one_report_is_made(asha, settings):
    settings.JOB_DOORBELL = "builtins.str"  # nobody comes when it rings: the report waits
    session = make_written_session(asha)

    outcomes = at_once(lambda number: services.request_report(session, by=asha, at=timezone.now()))

    assert outcomes.count("ok") == 1
    assert set(outcomes) == {"ok", "report_running"}
    assert Report.objects.filter(session=session).count() == 1

"""Many at once: one signs, one edits, one asks."""

import threading

import pytest
from django.db import connection, connections
from django.utils import timezone

from reports import services
from reports.models import CoSignature, Report, SealEntry
from reports.sealing import chain_walk, signing
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


def test_reports_of_one_patient_signed_at_once_stand_in_one_chain(asha):
    first = settle(make_report(asha), by=asha)
    patient = first.session.patient
    others = [make_report(asha, session=make_written_session(asha, patient=patient)) for _ in range(4)]
    drafts = [first, *(settle(report, by=asha) for report in others)]

    def work(number: int) -> None:
        services.sign_report(drafts[number % 5], by=asha, at=timezone.now(), password_checked=True)

    outcomes = at_once(work)

    assert outcomes.count("ok") == 5
    assert set(outcomes) <= {"ok", "report_signed"}
    assert list(SealEntry.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3, 4, 5]
    assert chain_walk.walk_chain(patient) == chain_walk.Verdict(entries=5, erased=0)


def test_an_addendum_signed_in_two_windows_is_sealed_once(asha, now):
    report = make_report(asha, status="signed")
    draft = services.open_addendum(report, by=asha, at=now)

    outcomes = at_once(
        lambda number: services.sign_addendum(draft, f"Text {number}.", by=asha, at=now, password_checked=True)
    )

    assert outcomes.count("ok") == 1
    assert set(outcomes) == {"ok", "addendum_signed"}
    assert chain_walk.walk_chain(report.session.patient) == chain_walk.Verdict(entries=2, erased=0)


def test_of_many_who_begin_an_addendum_at_once_one_draft_is_made(asha, now):
    report = make_report(asha, status="signed")

    outcomes = at_once(lambda number: services.open_addendum(report, by=asha, at=now))

    assert set(outcomes) == {"ok"}
    assert report.addenda.count() == 1


def test_a_supervisor_who_signs_returns_and_is_taken_back_at_once_does_one_of_them(asha, ben, now):
    report = make_report(asha, status="signed")
    asked = services.ask_co_signature(report, supervisor=ben, by=asha, at=now)
    verbs = [
        lambda: services.co_sign(asked, by=ben, at=now, password_checked=True),
        lambda: services.return_for_revision(asked, "Name the dose.", by=ben, at=now),
        lambda: services.withdraw_request(asked, by=asha, at=now),
    ]

    outcomes = at_once(lambda number: verbs[number % 3]())

    assert outcomes.count("ok") == 1
    assert set(outcomes) <= {"ok", "co_signature_decided", "superseded"}
    entries = SealEntry.objects.filter(kind="co_signature").count()
    assert entries == (CoSignature.objects.get().status == CoSignature.Status.SIGNED)
    assert chain_walk.walk_chain(report.session.patient).broken is None


def test_sections_checked_in_two_windows_at_once_are_all_checked(asha, now):
    report = make_report(asha)
    ids = [section["id"] for section in report.structured_data]

    outcomes = at_once(lambda number: services.mark_section_checked(report, ids[number % len(ids)], by=asha, at=now))

    stored = reloaded(report)
    assert set(outcomes) == {"ok"}
    assert set(stored.checked_sections) == set(ids[: len(outcomes)])
    assert (stored.reviewed_at is None) is (len(outcomes) < len(ids))

import contextlib
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.test import RequestFactory
from django.utils import timezone

from synapse.audit import services
from synapse.audit.context import client_ip, request_context
from synapse.audit.models import Action, AuditEvent, AuditSubject, ChainHead, Outcome
from synapse.audit.verification import verify_chain
from synapse.common.errors import NotAllowed
from synapse.common.models import Counter


@pytest.fixture
def asked_by(asha):
    request = RequestFactory().get("/patients/")
    request.user = asha
    return request


def test_a_row_says_who_did_what_to_which_record_from_where(asha):
    counter = Counter.objects.create(series="PAT", period="2025")
    patient_id = uuid4()

    with request_context("203.0.113.7") as origin, services.unit_of_work():
        services.record(Action.UPDATE, by=asha, target=counter, patient_id=patient_id, detail={"fields": ["phone"]})

    event = AuditEvent.objects.get()
    assert (event.actor_id, event.actor_label) == (asha.pk, "asha")
    assert (event.action, event.outcome) == ("update", "allowed")
    assert (event.target_type, event.target_id, event.target_label) == ("common.Counter", str(counter.pk), "PAT 2025")
    assert (event.patient_id, event.detail) == (patient_id, {"fields": ["phone"]})
    assert (event.ip, event.request_id) == ("203.0.113.7", origin.request_id)


def test_rows_follow_each_other_and_the_head_follows_them(db):
    with services.unit_of_work():
        one = services.record(Action.SYSTEM, by=None)
        two = services.record(Action.SYSTEM, by=None)

    head = ChainHead.objects.get()
    assert (one.seq, two.seq) == (1, 2)
    assert two.previous_mac == one.mac
    assert (head.seq, head.mac) == (2, two.mac)
    assert one.actor_label == "system"


def test_a_refusal_stays_on_record_when_what_it_was_part_of_is_undone(asha):
    with pytest.raises(RuntimeError), services.unit_of_work():
        services.record(Action.READ, by=asha)
        with services.unit_of_work():
            services.record(Action.DENY, by=asha, outcome=Outcome.DENIED, detail={"reason": "seal_broken"})
        raise RuntimeError

    (event,) = AuditEvent.objects.all()
    assert (event.action, event.actor_id, event.detail) == ("deny", asha.pk, {"reason": "seal_broken"})
    with services.unit_of_work():
        services.record(Action.DENY, by=asha, outcome=Outcome.DENIED)
    assert AuditEvent.objects.count() == 2


def test_a_refusal_stays_on_record_when_only_the_part_it_was_in_is_undone(asha):
    with services.unit_of_work():
        with contextlib.suppress(NotAllowed), services.unit_of_work():
            services.record(Action.READ, by=asha)
            services.record(Action.DENY, by=asha, outcome=Outcome.DENIED)
            raise NotAllowed("Not yours.")
        services.record(Action.UPDATE, by=asha)

    assert list(AuditEvent.objects.order_by("seq").values_list("action", flat=True)) == ["deny", "update"]

    with pytest.raises(RuntimeError), services.unit_of_work():
        with contextlib.suppress(NotAllowed), services.unit_of_work():
            services.record(Action.DENY, by=asha, outcome=Outcome.DENIED)
            raise NotAllowed("Not yours.")
        raise RuntimeError

    assert list(AuditEvent.objects.order_by("seq").values_list("action", flat=True)) == ["deny", "update", "deny"]


@pytest.mark.parametrize("failure", [DatabaseError, InterfaceError])
def test_the_failure_of_a_unit_is_told_when_its_refusals_cannot_be_kept(asha, monkeypatch, failure):
    with pytest.raises(NotAllowed), services.unit_of_work():
        services.record(Action.DENY, by=asha, outcome=Outcome.DENIED)
        monkeypatch.setattr(AuditEvent, "save", lambda *args, **kwargs: (_ for _ in ()).throw(failure("gone")))
        raise NotAllowed("Not yours.")


def test_without_a_unit_of_work_nothing_is_recorded(db):
    with pytest.raises(services.OutsideUnitOfWork):
        services.record(Action.READ, by=None)
    with pytest.raises(services.OutsideUnitOfWork), transaction.atomic():
        services.record(Action.READ, by=None)


def test_an_unknown_action_is_refused(db):
    with pytest.raises(ValueError, match="is not a valid Action"), services.unit_of_work():
        services.record("looked", by=None)


def test_a_failed_change_leaves_neither_change_nor_row(transactional_db):
    with pytest.raises(RuntimeError), services.unit_of_work():
        Counter.objects.create(series="PAT", period="2025")
        services.record(Action.CREATE, by=None)
        raise RuntimeError

    assert not Counter.objects.exists()
    assert not AuditEvent.objects.exists()
    assert verify_chain().broken is None


def test_a_failed_audit_takes_the_change_with_it(transactional_db, monkeypatch):
    monkeypatch.setattr(AuditEvent, "save", lambda *args, **kwargs: (_ for _ in ()).throw(DatabaseError("disk full")))

    with pytest.raises(DatabaseError), services.unit_of_work():
        Counter.objects.create(series="PAT", period="2025")
        services.record(Action.CREATE, by=None)

    assert not Counter.objects.exists()


def test_a_nested_unit_joins_and_its_failure_takes_only_its_own_rows(transactional_db):
    with services.unit_of_work():
        services.record(Action.CREATE, by=None)
        with pytest.raises(RuntimeError), services.unit_of_work():
            services.record(Action.UPDATE, by=None)
            raise RuntimeError
        with services.unit_of_work():
            services.record(Action.SIGN, by=None)

    assert list(AuditEvent.objects.order_by("seq").values_list("seq", "action")) == [(1, "create"), (2, "sign")]
    assert verify_chain().broken is None


def test_writers_at_once_make_one_whole_chain(transactional_db):
    barrier, errors = threading.Barrier(8), []

    def write(worker: int) -> None:
        try:
            barrier.wait()
            for turn in range(5):
                with services.unit_of_work():
                    # The other row is locked in a different order by every worker: the head's lock keeps them apart.
                    for series in ("A", "B") if (worker + turn) % 2 else ("B", "A"):
                        Counter.objects.select_for_update().get(series=series)
                    services.record(Action.SYSTEM, by=None, detail={"worker": worker})
        except DatabaseError as error:
            errors.append(error)
        finally:
            connection.close()

    Counter.objects.create(series="A", period="1")
    Counter.objects.create(series="B", period="1")
    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert AuditEvent.objects.count() == 40
    assert verify_chain().broken is None


def test_a_read_is_recorded_in_one_row_with_the_patients_it_shows(asked_by):
    patients = [uuid4() for _ in range(3)]

    services.record_read(asked_by, target=("patients.Patient", "list"), subjects=[*patients, patients[0]])

    event = AuditEvent.objects.get()
    assert (event.action, event.target_type, event.target_id) == ("read", "patients.Patient", "list")
    assert {row.patient_id for row in AuditSubject.objects.filter(event_seq=event.seq)} == set(patients)
    assert verify_chain().broken is None


def test_a_poll_of_a_page_opened_lately_adds_no_row(asked_by, ben):
    target = ("reports.Report", str(uuid4()))
    services.record_read(asked_by, target=target, poll=True)

    services.record_read(asked_by, target=target, poll=True)
    assert AuditEvent.objects.count() == 1

    services.record_read(asked_by, target=("reports.Report", str(uuid4())), poll=True)
    services.record_read(asked_by, target=target)
    asked_by.user = ben
    services.record_read(asked_by, target=target, poll=True)
    assert AuditEvent.objects.count() == 4


def test_a_poll_after_ten_minutes_is_recorded(asked_by, monkeypatch):
    target = ("reports.Report", str(uuid4()))
    services.record_read(asked_by, target=target)
    later = timezone.now() + timedelta(minutes=10, seconds=1)

    monkeypatch.setattr(services.timezone, "now", lambda: later)
    services.record_read(asked_by, target=target, poll=True)

    assert AuditEvent.objects.count() == 2


def test_a_denial_is_kept_although_the_request_fails(asked_by):
    services.record_denial(asked_by, target=("reports.Report", "x"), reason="not_allowed")

    event = AuditEvent.objects.get()
    assert (event.action, event.outcome, event.detail) == ("deny", "denied", {"reason": "not_allowed"})


def test_a_denial_of_somebody_not_signed_in_names_nobody(db):
    request = RequestFactory().get("/")
    request.user = AnonymousUser()

    services.record_denial(request)

    assert AuditEvent.objects.get().actor_id is None


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "expected"),
    [
        ("203.0.113.7", "", [], "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", [], "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", "rubbish", ["10.0.0.1"], "10.0.0.1"),
        ("10.0.0.1", "", ["10.0.0.1"], "10.0.0.1"),
        ("", "198.51.100.1", ["10.0.0.1"], None),
        ("::1", "2001:db8::5", ["::1"], "2001:db8::5"),
    ],
)
def test_a_forwarded_address_is_believed_as_far_as_the_proxies_reach(settings, remote, forwarded, proxies, expected):
    settings.TRUSTED_PROXIES = proxies

    assert client_ip({"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}) == expected


def test_every_answer_carries_the_request_id_of_its_audit_rows(client, db):
    answer = client.get("/health/live")

    assert len(answer["X-Request-ID"]) == 36


def test_a_name_out_of_an_address_is_kept_as_far_as_it_can_be_stored(db):
    with services.unit_of_work():
        event = services.record(Action.DENY, by=None, target=("view", "a\x00b\r\nc" + "x" * 50))

    event.refresh_from_db()
    assert event.target_id == "abc" + "x" * 37

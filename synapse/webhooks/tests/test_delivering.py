import base64
import hashlib
import hmac
import json
import threading
from datetime import timedelta

import pytest
from django.db import connection

from synapse.audit.models import AuditEvent
from synapse.common.models import Job
from synapse.webhooks import delivering, events, outgoing, services
from synapse.webhooks.delivering import KEPT, LEASE, MOST_ATTEMPTS, WAITS, next_attempt_at, send_due, send_one
from synapse.webhooks.kinds import Kind
from synapse.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from synapse.webhooks.tests.factories import make_delivery, make_endpoint
from synapse.webhooks.tests.receiver import receiving, status

pytestmark = pytest.mark.django_db
Status = WebhookDelivery.Status
Problem = WebhookDelivery.Problem


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]


def verify(request, secret):
    """Check a request as a receiver does, with nothing of ours."""
    signed = b".".join([request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode()])
    digest = hmac.new(base64.b64decode(secret.split("_", 1)[1]), signed + b"." + request.body, hashlib.sha256).digest()
    given = [each.split(",", 1)[1] for each in request.headers["webhook-signature"].split(" ")]
    return base64.b64encode(digest).decode() in given


def test_an_event_arrives_by_ids_alone_and_can_be_verified(asha, now):
    with receiving() as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
        delivery = make_delivery(endpoint, at=now)
        assert send_due(endpoint.pk, at=now) == 1

    delivery.refresh_from_db()
    request = receiver.requests[0]
    assert json.loads(request.body) == {
        "id": str(delivery.event_id),
        "kind": "ping",
        "occurred_at": now.isoformat().replace("+00:00", "Z"),
        "object": {"type": "webhook", "id": str(delivery.event.object_id)},
        "api_version": "v1",
    }
    assert request.headers["webhook-id"] == str(delivery.event_id)
    assert int(request.headers["webhook-timestamp"]) == int(now.timestamp())
    assert verify(request, endpoint.secret)
    assert not verify(request, make_endpoint(asha).secret)
    assert (delivery.status, delivery.attempts) == (Status.DELIVERED, 1)
    assert delivery.delivered_at >= now
    assert (delivery.last_status_code, delivery.last_error_code) == (200, "")
    assert delivery.lease_token is None


def test_for_a_day_after_renewing_the_secret_both_sign(asha, now):
    with receiving() as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
        old = endpoint.secret
        new = services.rotate_secret(endpoint, by=asha, at=now)
        for hours in (1, 23, 25):
            make_delivery(endpoint, at=now + timedelta(hours=hours))
            send_due(endpoint.pk, at=now + timedelta(hours=hours))

    assert [verify(request, new) for request in receiver.requests] == [True, True, True]
    assert [verify(request, old) for request in receiver.requests] == [True, True, False]


def test_errors_are_tried_again_later_and_later_under_the_same_id(asha, now):
    with receiving(status(500), status(500), status(200)) as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
        delivery = make_delivery(endpoint, at=now)
        at = now
        for attempt in (1, 2):
            send_due(endpoint.pk, at=at)
            delivery.refresh_from_db()
            assert (delivery.status, delivery.attempts) == (Status.PENDING, attempt)
            assert (delivery.last_status_code, delivery.last_error_code) == (500, Problem.HTTP_ERROR)
            assert WAITS[attempt - 1] <= delivery.next_attempt_at - at <= WAITS[attempt - 1] * 1.2
            assert send_due(endpoint.pk, at=delivery.next_attempt_at - timedelta(seconds=1)) == 0
            at = delivery.next_attempt_at
        assert send_due(endpoint.pk, at=at) == 1

    assert {request.headers["webhook-id"] for request in receiver.requests} == {str(delivery.event_id)}
    assert len({request.headers["webhook-timestamp"] for request in receiver.requests}) == 3
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None


def test_after_the_last_attempt_a_delivery_is_given_up(asha, now):
    with receiving(status(500)) as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
        delivery = make_delivery(endpoint, at=now)
        at = now
        while delivery.status == Status.PENDING:
            send_due(endpoint.pk, at=at)
            delivery.refresh_from_db()
            at = delivery.next_attempt_at

    assert delivery.status == Status.DEAD
    assert len(receiver.requests) == delivery.attempts == MOST_ATTEMPTS == 8
    assert at - now > timedelta(hours=36)


def test_the_waits_grow_and_are_spread(now):
    waits = [next_attempt_at(attempt, now) - now for attempt in range(1, MOST_ATTEMPTS)]

    assert waits == sorted(waits)
    assert len({next_attempt_at(3, now) for _ in range(20)}) > 1


def test_while_a_receiver_is_down_one_event_asks_for_all(asha, now):
    with receiving() as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
    deliveries = [make_delivery(endpoint, at=now + timedelta(seconds=number)) for number in range(3)]
    send_due(endpoint.pk, at=now + timedelta(seconds=5))

    states = list(WebhookDelivery.objects.order_by("event__occurred_at").values_list("attempts", "next_attempt_at"))
    assert [attempts for attempts, _ in states] == [1, 0, 0]
    assert len({due for _, due in states}) == 1

    with receiving() as receiver:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=now)
        endpoint.refresh_from_db()
        endpoint.url = receiver.url
        endpoint.save()
        assert send_due(endpoint.pk, at=states[0][1]) == 3
    assert WebhookEndpoint.objects.get().failing_since is None
    assert len(deliveries) == 3


def test_an_event_a_receiver_refuses_holds_nobody_up(asha, now):
    with receiving(status(500), status(200)) as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
        refused = make_delivery(endpoint, at=now)
        make_delivery(endpoint, at=now + timedelta(seconds=1))
        assert send_due(endpoint.pk, at=now + timedelta(seconds=2)) == 1

    refused.refresh_from_db()
    # The one that was taken does not bring its turn forward.
    assert refused.next_attempt_at >= now + timedelta(seconds=2) + WAITS[0]


def test_what_waited_goes_out_when_the_receiver_is_back(asha, now):
    with receiving() as receiver:
        endpoint = make_endpoint(asha, url=receiver.url, failing_since=now - timedelta(hours=5))
        waiting = make_delivery(endpoint, at=now - timedelta(hours=5), attempts=5)
        WebhookDelivery.objects.filter(pk=waiting.pk).update(next_attempt_at=now + timedelta(hours=3))
        make_delivery(endpoint, at=now)
        send_due(endpoint.pk, at=now)
        assert send_due(endpoint.pk, at=now + timedelta(seconds=1)) == 1


def test_gone_switches_the_endpoint_off_and_gives_up_what_waits(asha, now):
    with receiving(status(410)) as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
        first = make_delivery(endpoint, at=now)
        second = make_delivery(endpoint, at=now + timedelta(seconds=1))
        send_due(endpoint.pk, at=now + timedelta(seconds=1))

    for delivery in (endpoint, first, second):
        delivery.refresh_from_db()
    assert (endpoint.is_active, endpoint.disabled_reason) == (False, "gone")
    assert (first.status, first.last_error_code) == (Status.DEAD, Problem.GONE)
    assert (second.status, second.last_error_code) == (Status.DEAD, Problem.SWITCHED_OFF)
    assert len(receiver.requests) == 1
    assert AuditEvent.objects.get(target_id=str(endpoint.pk)).detail == {"verb": "disable", "reason": "gone"}


@pytest.mark.parametrize(("days", "is_active"), [(2, True), (3, False)])
def test_an_endpoint_that_fails_for_three_days_is_switched_off_and_its_owner_told(asha, now, days, is_active):
    asha.profile.notification_settings = {"webhook_disabled": "mail"}
    asha.profile.save()
    with receiving(status(500)) as receiver:
        endpoint = make_endpoint(asha, url=receiver.url, failing_since=now - timedelta(days=days))
        make_delivery(endpoint, at=now)
        send_due(endpoint.pk, at=now)

    endpoint.refresh_from_db()
    assert endpoint.is_active is is_active
    assert endpoint.disabled_reason == ("" if is_active else "failing")
    told = Job.objects.filter(kind="synapse.accounts.tasks.mail_webhook_disabled", object_id=asha.pk)
    assert told.exists() is not is_active


def test_a_deactivated_owner_is_told_nothing(asha, now):
    with receiving() as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
        delivery = make_delivery(endpoint, at=now)
        asha.is_active = False
        asha.save()
        send_due(endpoint.pk, at=now)

    delivery.refresh_from_db()
    assert receiver.requests == []
    assert (delivery.status, delivery.last_error_code) == (Status.DEAD, Problem.NOT_VISIBLE)


def test_a_crash_between_sending_and_noting_sends_again_under_the_same_id(asha, now, monkeypatch):
    def crash(*args, **kwargs):
        raise KeyboardInterrupt

    with receiving() as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
        delivery = make_delivery(endpoint, at=now)
        with monkeypatch.context() as patch:
            patch.setattr(delivering, "_note", crash)
            with pytest.raises(KeyboardInterrupt):
                send_due(endpoint.pk, at=now)

        assert send_due(endpoint.pk, at=now + LEASE - timedelta(seconds=1)) == 0
        assert send_due(endpoint.pk, at=now + LEASE + timedelta(seconds=1)) == 1

    assert [request.headers["webhook-id"] for request in receiver.requests] == [str(delivery.event_id)] * 2
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == (Status.DELIVERED, 2)


def test_an_endpoint_deleted_while_its_receiver_is_asked_leaves_no_failed_work(asha, now, monkeypatch):
    endpoint = make_endpoint(asha)
    delivery = make_delivery(endpoint, at=now)

    def deleted_meanwhile(*args):
        services.delete_endpoint(endpoint, by=asha, at=now)
        return outgoing.Answer(None, Problem.CONNECT_FAILED, 5)

    monkeypatch.setattr(delivering, "post", deleted_meanwhile)

    assert send_one(delivery.pk, at=now).is_unreachable
    assert not WebhookDelivery.objects.exists()


def test_a_delivery_that_ends_its_worker_each_time_is_given_up(asha, now):
    with receiving() as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
        delivery = make_delivery(endpoint, at=now, attempts=MOST_ATTEMPTS)
        send_due(endpoint.pk, at=now)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.last_error_code) == (Status.DEAD, Problem.INTERRUPTED)
    assert receiver.requests == []


def test_a_run_that_was_given_up_as_lost_writes_nothing_over_its_successor(asha, now):
    with receiving() as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
        delivery = make_delivery(endpoint, at=now)
        lost = delivering._claim(delivery.pk, now)
        send_one(delivery.pk, at=now + LEASE + timedelta(seconds=1))
        delivering._note(lost, outgoing.Answer(500, Problem.HTTP_ERROR, 5), at=now + LEASE * 2)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.last_status_code) == (Status.DELIVERED, 200)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_sends(asha, now):
    with receiving() as receiver:
        endpoint = make_endpoint(asha, url=receiver.url)
        delivery = make_delivery(endpoint, at=now)
        barrier = threading.Barrier(8)

        def work():
            barrier.wait(60)
            try:
                send_one(delivery.pk, at=now)
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert len(receiver.requests) == 1


def test_nothing_is_written_while_nobody_wants_a_kind(asha, ben, now):
    make_endpoint(asha, Kind.BILL_PAID)
    make_endpoint(ben, Kind.REPORT_SIGNED, is_active=False, disabled_at=now, disabled_reason="by_hand")

    events.emit(Kind.REPORT_SIGNED, asha.pk, at=now)

    assert not WebhookEvent.objects.exists()
    assert not Job.objects.exists()


def test_an_event_is_fanned_out_once_to_those_who_see_its_object(asha, ben, omar, now, monkeypatch):
    seeing = {asha.pk, omar.pk}
    monkeypatch.setattr(events.kinds, "is_visible", lambda kind, object_id, owner: owner.pk in seeing)
    endpoints = [make_endpoint(user, Kind.BILL_PAID) for user in (asha, ben, omar)]
    make_endpoint(asha, Kind.BILL_ISSUED)
    events.emit(Kind.BILL_PAID, asha.pk, at=now)
    event = WebhookEvent.objects.get()

    for _ in range(2):
        events.fan_out(event.pk, at=now)

    assert set(event.deliveries.values_list("endpoint", flat=True)) == {endpoints[0].pk, endpoints[2].pk}
    assert Job.objects.filter(kind=events.SEND).count() == 2


def test_many_events_of_an_endpoint_are_one_job(asha, now, monkeypatch):
    monkeypatch.setattr(events.kinds, "is_visible", lambda *args: True)
    make_endpoint(asha, Kind.BILL_PAID)
    for _ in range(5):
        events.emit(Kind.BILL_PAID, asha.pk, at=now)

    for event in WebhookEvent.objects.all():
        events.fan_out(event.pk, at=now)

    assert WebhookDelivery.objects.count() == 5
    assert Job.objects.filter(kind=events.SEND).count() == 1


def test_the_sweep_finds_events_and_deliveries_whose_job_was_lost(asha, now):
    endpoint = make_endpoint(asha)
    delivery = make_delivery(endpoint, at=now)
    left = WebhookEvent.objects.create(kind=Kind.APPOINTMENT_BOOKED, object_id=asha.pk, occurred_at=now)

    delivering.send_all_due(now + timedelta(minutes=5))

    left.refresh_from_db()
    assert left.fanned_out_at is not None
    assert Job.objects.get(kind=events.SEND).object_id == delivery.endpoint_id


def test_old_events_go_with_their_deliveries_unless_something_waits(asha, now):
    endpoint = make_endpoint(asha)
    old = now - KEPT - timedelta(days=1)
    make_delivery(endpoint, at=old, status=Status.DEAD)
    waiting = make_delivery(endpoint, at=old)
    young = make_delivery(endpoint, at=now - KEPT + timedelta(days=1), status=Status.DELIVERED)

    delivering.purge(now)

    assert set(WebhookDelivery.objects.all()) == {waiting, young}
    assert WebhookEvent.objects.count() == 2

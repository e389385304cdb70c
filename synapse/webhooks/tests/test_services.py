from datetime import timedelta

import pytest
from django.db import connection

from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, InvalidTransition, NotAllowed
from synapse.webhooks import addresses, services
from synapse.webhooks.addresses import BadAddress
from synapse.webhooks.kinds import Kind, kinds_for
from synapse.webhooks.models import WebhookDelivery, WebhookEndpoint
from synapse.webhooks.tests.factories import make_delivery, make_endpoint

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:9/events?key=canary-in-the-address"
Status = WebhookDelivery.Status


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]


def create(by, at, **fields):
    return services.create_endpoint(**{"url": URL, "kinds": ["bill.paid"], "by": by, "at": at, **fields})


def verbs(endpoint):
    rows = AuditEvent.objects.filter(target_id=str(endpoint.pk)).order_by("seq")
    return [row.detail.get("verb") or row.action for row in rows]


def test_an_endpoint_is_made_with_a_secret_that_is_stored_encrypted(asha, now):
    endpoint, secret = create(asha, now, description=" Our ledger ", kinds=["bill.paid", "appointment.moved"])

    endpoint.refresh_from_db()
    assert (endpoint.secret, endpoint.url, endpoint.description) == (secret, URL, "Our ledger")
    assert endpoint.kinds == ["appointment.moved", "bill.paid"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT url, secret, description FROM webhooks_webhookendpoint")
        stored = " ".join(cursor.fetchone())
    assert not [word for word in ("canary", secret, "ledger") if word in stored]
    assert verbs(endpoint) == ["create"]
    assert "canary" not in str(list(AuditEvent.objects.values()))


def test_each_role_is_told_what_it_may_see(asha, rita, omar):
    assert set(kinds_for(asha)) == set(Kind) - {Kind.PING}
    assert set(kinds_for(omar)) == set(Kind) - {Kind.PING, Kind.TRANSCRIPTION_READY}
    assert {kind.partition(".")[0] for kind in kinds_for(rita)} == {"appointment", "bill"}


@pytest.mark.parametrize("kinds", [[], ["ping"], ["nothing.known"], ["bill.paid", "report.signed"]])
def test_a_kind_outside_the_role_is_refused(rita, now, kinds):
    with pytest.raises(services.BadKinds):
        create(rita, now, kinds=kinds)


def test_nobody_deactivated_makes_one(asha, now):
    asha.is_active = False

    with pytest.raises(NotAllowed):
        create(asha, now)


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "http://example.org/", "https://" + "a." * 300 + "org/"])
def test_an_address_is_checked_when_it_is_saved_and_changed(asha, now, url):
    endpoint, _ = create(asha, now)

    with pytest.raises(BadAddress):
        create(asha, now, url=url)
    with pytest.raises(BadAddress):
        services.update_endpoint(endpoint, url=url, by=asha, at=now)
    assert WebhookEndpoint.objects.get().url == URL


def test_a_name_that_leads_inside_is_refused_at_saving(asha, now, monkeypatch):
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *args, **kw: [(2, 1, 6, "", ("192.168.0.1", 443))])

    with pytest.raises(addresses.AddressRefused):
        create(asha, now, url="https://inside.example.org/")


def test_ten_are_enough_for_one_person(asha, now):
    for _ in range(services.MOST_ENDPOINTS):
        make_endpoint(asha)

    with pytest.raises(Conflict):
        create(asha, now)


def test_somebody_elses_is_left_alone(asha, ben, omar, now):
    endpoint = make_endpoint(asha)
    delivery = make_delivery(endpoint, at=now, status=Status.DEAD)

    for stranger in (ben, omar):
        for act in (services.delete_endpoint, services.rotate_secret, services.ping, services.replay_dead):
            with pytest.raises(NotAllowed):
                act(endpoint, by=stranger, at=now)
        with pytest.raises(NotAllowed):
            services.update_endpoint(endpoint, description="mine", by=stranger, at=now)
        with pytest.raises(NotAllowed):
            services.replay(delivery, by=stranger, at=now)


def test_what_is_changed_is_in_the_trail_by_name_only(asha, now):
    endpoint = make_endpoint(asha)

    services.update_endpoint(endpoint, url=URL, kinds=["bill.issued"], description="x", by=asha, at=now)

    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.kinds, endpoint.description) == (URL, ["bill.issued"], "x")
    assert AuditEvent.objects.get().detail == {"fields": ["description", "kinds", "url"]}


def test_switching_off_gives_up_what_waits_and_on_again_starts_afresh(asha, now):
    endpoint = make_endpoint(asha, failing_since=now - timedelta(days=1))
    delivery = make_delivery(endpoint, at=now)

    services.update_endpoint(endpoint, is_active=False, by=asha, at=now)
    delivery.refresh_from_db()
    off = WebhookEndpoint.objects.get()
    assert (off.is_active, off.disabled_at, off.disabled_reason) == (False, now, "by_hand")
    assert (delivery.status, delivery.last_error_code) == (Status.DEAD, "switched_off")
    for act in (services.ping, services.replay_dead):
        with pytest.raises(Conflict):
            act(endpoint, by=asha, at=now)

    services.update_endpoint(endpoint, is_active=True, by=asha, at=now)
    on = WebhookEndpoint.objects.get()
    assert (on.is_active, on.disabled_at, on.disabled_reason, on.failing_since) == (True, None, "", None)
    assert len(verbs(endpoint)) == 2


def test_saying_what_is_so_already_changes_nothing(asha, now):
    endpoint = make_endpoint(asha)

    services.update_endpoint(endpoint, is_active=True, by=asha, at=now)

    assert verbs(endpoint) == []


def test_a_renewed_secret_leaves_the_old_one_valid_for_a_day(asha, now):
    endpoint = make_endpoint(asha)
    old = endpoint.secret

    new = services.rotate_secret(endpoint, by=asha, at=now)

    stored = WebhookEndpoint.objects.get()
    assert (stored.secret, stored.previous_secret) == (new, old)
    assert stored.previous_secret_until == now + timedelta(hours=24)
    assert verbs(endpoint) == ["rotate_secret"]


def test_a_ping_waits_like_any_other_event(asha, now):
    endpoint = make_endpoint(asha)

    delivery = services.ping(endpoint, by=asha, at=now)

    assert (delivery.event.kind, delivery.event.object_id) == (Kind.PING, endpoint.pk)
    assert delivery.status == Status.PENDING
    assert verbs(endpoint) == ["ping"]


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.DEAD])
def test_sending_again_keeps_the_event_and_counts_anew(asha, now, status):
    endpoint = make_endpoint(asha)
    delivery = make_delivery(endpoint, at=now - timedelta(days=2), status=status, attempts=8)

    services.replay(delivery, by=asha, at=now)

    again = WebhookDelivery.objects.get()
    assert (again.event_id, again.status, again.attempts, again.next_attempt_at) == (
        delivery.event_id,
        Status.PENDING,
        0,
        now,
    )
    assert verbs(endpoint) == ["replay"]
    with pytest.raises(InvalidTransition):
        services.replay(again, by=asha, at=now)


def test_all_that_was_given_up_is_sent_again_at_once(asha, now):
    endpoint = make_endpoint(asha)
    for status in (Status.DEAD, Status.DEAD, Status.DELIVERED):
        make_delivery(endpoint, at=now, status=status)

    assert services.replay_dead(endpoint, by=asha, at=now) == 2
    assert services.replay_dead(endpoint, by=asha, at=now) == 0
    assert endpoint.deliveries.filter(status=Status.PENDING).count() == 2
    assert verbs(endpoint) == ["replay_dead"]


def test_deleting_takes_the_deliveries_along_and_leaves_the_trail(asha, now):
    endpoint = make_endpoint(asha)
    make_delivery(endpoint, at=now)
    pk = endpoint.pk

    services.delete_endpoint(endpoint, by=asha, at=now)

    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()
    assert AuditEvent.objects.get().target_id == str(pk)

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from synapse.webhooks.models import WebhookDelivery, WebhookEndpoint
from synapse.webhooks.tests.factories import make_delivery, make_endpoint

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:9/events"
Status = WebhookDelivery.Status


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]


def test_a_webhook_is_added_and_its_secret_shown_once(signed_in, asha):
    client = signed_in(asha)

    answer = client.post(reverse("webhooks:add"), {"url": URL, "description": "Ledger", "kinds": ["bill.paid"]})

    endpoint = WebhookEndpoint.objects.get()
    assert answer.status_code == 200
    assert endpoint.secret in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    for page in (reverse("webhooks:list"), reverse("webhooks:detail", args=[endpoint.pk])):
        content = client.get(page).content.decode()
        assert "Ledger" in content
        assert endpoint.secret not in content


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": ""}, "Enter the address"),
        ({"url": "https://10.0.0.1/"}, "not by a number"),
        ({"url": "http://example.org/"}, "begins with https"),
        ({"kinds": []}, "Choose at least one"),
        ({"kinds": ["report.signed"]}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(signed_in, rita, fields, words):
    answer = signed_in(rita).post(reverse("webhooks:add"), {"url": URL, "kinds": ["bill.paid"], **fields})

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_each_role_chooses_among_its_events(signed_in, rita, asha):
    assert "A report is signed" not in signed_in(rita).get(reverse("webhooks:add")).content.decode()
    assert "A report is signed" in signed_in(asha).get(reverse("webhooks:add")).content.decode()


def test_a_webhook_is_changed_tested_renewed_switched_and_deleted(signed_in, asha):
    client, endpoint = signed_in(asha), make_endpoint(asha)
    page = reverse("webhooks:detail", args=[endpoint.pk])

    assert client.post(page, {"url": URL, "description": "New", "kinds": ["bill.issued"]}).status_code == 302
    assert client.post(page, {"url": "https://10.0.0.1/", "kinds": ["bill.issued"]}).status_code == 422
    assert client.post(reverse("webhooks:ping", args=[endpoint.pk])).status_code == 302
    old = endpoint.secret
    content = client.post(reverse("webhooks:rotate", args=[endpoint.pk])).content.decode()
    endpoint.refresh_from_db()
    assert endpoint.secret in content
    assert old != endpoint.secret
    assert (endpoint.description, endpoint.kinds) == ("New", ["bill.issued"])
    assert "Test event" in client.get(page).content.decode()

    client.post(reverse("webhooks:switch_off", args=[endpoint.pk]))
    assert "Switched off" in client.get(page).content.decode()
    client.post(reverse("webhooks:switch_on", args=[endpoint.pk]))
    assert WebhookEndpoint.objects.get().is_active
    client.post(reverse("webhooks:delete", args=[endpoint.pk]))
    assert not WebhookEndpoint.objects.exists()


def test_deliveries_are_listed_by_state_and_sent_again(signed_in, asha, now):
    client, endpoint = signed_in(asha), make_endpoint(asha)
    dead = make_delivery(endpoint, at=now, status=Status.DEAD, last_error_code="http_error", last_status_code=500)
    done = make_delivery(endpoint, at=now, status=Status.DELIVERED, delivered_at=now, last_status_code=204)
    page = reverse("webhooks:detail", args=[endpoint.pk])

    assert "answered with an error (500)" in client.get(f"{page}?show=dead").content.decode()
    assert "answered with an error" not in client.get(f"{page}?show=delivered").content.decode()
    assert client.get(f"{page}?show=nonsense&page=9").status_code == 200
    client.post(reverse("webhooks:replay", args=[done.pk]))
    client.post(reverse("webhooks:replay_dead", args=[endpoint.pk]))
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"pending"}
    assert dead.pk != done.pk


def test_a_stranger_finds_nothing(signed_in, asha, ben, omar, now):
    endpoint = make_endpoint(asha, description="Ledger")
    delivery = make_delivery(endpoint, at=now, status=Status.DEAD)
    names = ("detail", "rotate", "ping", "switch_on", "switch_off", "replay_dead", "delete")

    for stranger in (ben, omar):
        client = signed_in(stranger)
        assert "Ledger" not in client.get(reverse("webhooks:list")).content.decode()
        for name in names:
            assert client.post(reverse(f"webhooks:{name}", args=[endpoint.pk])).status_code == 404
        assert client.post(reverse("webhooks:replay", args=[delivery.pk])).status_code == 404
    for name in set(names) - {"detail"}:
        assert signed_in(asha).get(reverse(f"webhooks:{name}", args=[endpoint.pk])).status_code == 405


def test_the_list_of_deliveries_costs_the_same_however_long_it_is(signed_in, asha, now):
    client, endpoint = signed_in(asha), make_endpoint(asha)
    page = reverse("webhooks:detail", args=[endpoint.pk])
    client.get(page)  # the first page of a person counts what stands beside the links
    counts = []
    for rows in (2, 18):
        for _ in range(rows):
            make_delivery(endpoint, at=now, status=Status.DELIVERED)
        with CaptureQueriesContext(connection) as queries:
            client.get(page)
        counts.append(len(queries))

    assert counts[0] == counts[1]

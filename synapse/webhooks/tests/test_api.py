import pytest
from django.db import connection

from synapse.api.models import IdempotencyKey
from synapse.audit.models import AuditEvent
from synapse.webhooks import addresses
from synapse.webhooks.models import WebhookDelivery, WebhookEndpoint
from synapse.webhooks.tests.factories import make_delivery, make_endpoint

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/webhooks/"
NEW = {"url": "http://127.0.0.1:9/events", "kinds": ["bill.paid"], "description": "Books"}
Status = WebhookDelivery.Status


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]


def post(client, path, body=None, **headers):
    return client.post(path, body or {}, format="json", headers=headers)


def error_of(response):
    return response.json()["error"]


def test_a_webhook_is_made_and_its_secret_answered_once(api, asha):
    client = api(asha)

    made = post(client, ROOT, NEW)

    endpoint = WebhookEndpoint.objects.get()
    assert made.status_code == 201
    assert made.json()["secret"] == endpoint.secret
    assert {name: made.json()[name] for name in NEW} == NEW
    for answer in (client.get(ROOT), client.get(f"{ROOT}{endpoint.pk}/")):
        assert answer.status_code == 200
        assert "secret" not in (answer.json().get("results") or [answer.json()])[0]
        assert endpoint.secret not in answer.content.decode()


def test_the_same_key_makes_one_webhook_and_looks_its_host_up_outside_the_transaction(api, asha, monkeypatch):
    def resolve(target):
        assert not getattr(connection, "audit_depth", 0)
        return ["127.0.0.1"]

    monkeypatch.setattr(addresses, "resolve", resolve)
    client = api(asha)

    answers = [post(client, ROOT, NEW, idempotency_key="once") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    first, again = (answer.json() for answer in answers)
    assert first.pop("secret") not in IdempotencyKey.objects.get().body
    assert first == again
    assert WebhookEndpoint.objects.count() == 1
    tag = client.get(f"{ROOT}{WebhookEndpoint.objects.get().pk}/")["ETag"]
    changed = client.patch(
        f"{ROOT}{WebhookEndpoint.objects.get().pk}/", {"url": NEW["url"]}, format="json", headers={"if-match": tag}
    )
    assert changed.status_code == 200


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": 5, "kinds": []}, "kinds"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"kinds": ["ping"]}, "kinds.0"),
        ({"kinds": ["report.signed"]}, "kinds"),
        ({"secret": "whsec_x"}, "secret"),
        ({"owner": "me"}, "owner"),
    ],
)
def test_what_cannot_be_taken_is_named(api, rita, fields, named):
    response = post(api(rita), ROOT, {**NEW, **fields})

    assert response.status_code == 400
    assert named in error_of(response)["fields"]
    assert not WebhookEndpoint.objects.exists()


def test_a_webhook_is_changed_switched_and_deleted(api, asha):
    endpoint, client = make_endpoint(asha, url=NEW["url"]), api(asha)
    path = f"{ROOT}{endpoint.pk}/"

    tag = client.get(path)["ETag"]
    assert client.put(path, {"description": "New"}, format="json", headers={"if-match": tag}).status_code == 200
    stale = client.patch(path, {"description": "Newer"}, format="json", headers={"if-match": tag})
    assert (stale.status_code, error_of(stale)["code"]) == (412, "changed_meanwhile")
    assert client.patch(path, {"url": "https://10.0.0.1/"}, format="json").status_code == 400
    off = client.patch(path, {"is_active": False}, format="json").json()
    assert (off["is_active"], off["disabled_reason"]) == (False, "by_hand")
    assert error_of(post(client, f"{path}ping/"))["code"] == "switched_off"
    assert client.patch(path, {"is_active": True}, format="json").json()["disabled_at"] is None
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_the_secret_is_renewed(api, asha):
    endpoint = make_endpoint(asha)

    answer, again = (post(api(asha), f"{ROOT}{endpoint.pk}/rotate-secret/", idempotency_key="once") for _ in range(2))

    old = endpoint.secret
    endpoint.refresh_from_db()
    assert answer.json()["secret"] == endpoint.secret != old
    assert again.json() == {"previous_secret_until": answer.json()["previous_secret_until"]}


def test_deliveries_are_listed_by_state_and_replayed(api, asha, now, count_queries):
    endpoint, client = make_endpoint(asha), api(asha)
    path = f"{ROOT}{endpoint.pk}/deliveries/"
    ping = post(client, f"{ROOT}{endpoint.pk}/ping/")
    dead = [make_delivery(endpoint, at=now, status=Status.DEAD, last_error_code="timed_out") for _ in range(3)]

    assert (ping.status_code, ping.json()["kind"], ping.json()["status"]) == (202, "ping", "pending")
    assert client.get(path).json()["count"] == 4
    found = client.get(f"{path}?status=dead&kind=ping").json()
    assert {row["last_error_code"] for row in found["results"]} == {"timed_out"}
    assert client.get(f"{path}?status=lost").status_code == 400

    again = post(client, f"{path}{dead[0].pk}/replay/")
    assert (again.status_code, again.json()["status"], again.json()["attempts"]) == (202, "pending", 0)
    assert post(client, f"{path}{dead[0].pk}/replay/").status_code == 409
    assert post(client, f"{ROOT}{endpoint.pk}/replay-dead/").json() == {"count": 2}

    few = count_queries(lambda: client.get(f"{path}?page_size=2"))
    assert count_queries(lambda: client.get(f"{path}?page_size=4")) == few


def test_a_stranger_finds_nothing(api, asha, ben, omar, now):
    endpoint = make_endpoint(asha, description="canary")
    delivery = make_delivery(endpoint, at=now, status=Status.DEAD)
    paths = (f"{ROOT}{endpoint.pk}/", f"{ROOT}{endpoint.pk}/deliveries/")

    for stranger in (ben, omar):
        client = api(stranger)
        assert client.get(ROOT).json()["results"] == []
        assert [client.get(path).status_code for path in paths] == [404, 404]
        assert client.patch(paths[0], {"description": "x"}, format="json").status_code == 404
        assert client.delete(paths[0]).status_code == 404
        for verb in ("rotate-secret/", "ping/", "replay-dead/", f"deliveries/{delivery.pk}/replay/"):
            assert post(client, f"{paths[0]}{verb}").status_code == 404
    # A delivery is found under its own webhook only.
    other = make_endpoint(asha)
    assert post(api(asha), f"{ROOT}{other.pk}/deliveries/{delivery.pk}/replay/").status_code == 404


def test_a_token_makes_and_changes_only_what_its_scopes_reach(bearer, asha):
    client = bearer(asha, scopes=["read", "write"])
    clinical = make_endpoint(asha, "report.signed", url=NEW["url"])

    assert post(client, ROOT, {**NEW, "kinds": ["appointment.booked"]}).status_code == 201
    assert post(client, ROOT, NEW).status_code == 400
    led_elsewhere = client.patch(f"{ROOT}{clinical.pk}/", {"url": NEW["url"]}, format="json")
    assert (led_elsewhere.status_code, error_of(led_elsewhere)["code"]) == (403, "scope_missing")
    assert post(client, f"{ROOT}{clinical.pk}/rotate-secret/").status_code == 403
    assert post(bearer(asha, scopes=["read"]), ROOT, NEW).status_code == 403


def test_reading_and_changing_leave_a_trail(api, asha):
    endpoint, client = make_endpoint(asha), api(asha)

    client.get(f"{ROOT}{endpoint.pk}/")
    client.patch(f"{ROOT}{endpoint.pk}/", {"description": "canary"}, format="json")

    rows = AuditEvent.objects.filter(target_id=str(endpoint.pk)).order_by("seq")
    assert [row.action for row in rows] == ["read", "update"]
    assert "canary" not in str(list(rows.values()))

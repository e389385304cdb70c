"""Webhooks in a real browser: added, tested, its deliveries read, in both colours and on a phone."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from synapse.testing.browser import PHONE, assert_page_is_clean
from synapse.webhooks.kinds import Kind
from synapse.webhooks.models import WebhookDelivery
from synapse.webhooks.tests.factories import make_delivery, make_endpoint
from synapse.webhooks.tests.receiver import receiving, status

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_webhook_is_added_copied_tested_and_deleted(browse, asha, settings):
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]
    page = browse(asha, reverse("webhooks:list"), permissions=["clipboard-read", "clipboard-write"])
    assert_page_is_clean(page)
    page.get_by_role("link", name="Add a webhook").click()
    page.get_by_role("button", name="Add it").click()
    page.wait_for_selector("text=Choose at least one event")
    assert_page_is_clean(page, allowed=("422",))

    with receiving(status(200), status(500)) as receiver:
        page.fill("[name=url]", receiver.url)
        page.fill("[name=description]", "Our bookkeeping")
        page.check("text=A bill is paid")
        page.get_by_role("button", name="Add it").click()
        page.wait_for_selector("text=Webhook added")
        assert_page_is_clean(page, allowed=("422",))
        page.get_by_role("button", name="Copy the secret").click()
        page.wait_for_selector("text=Copied")
        assert page.evaluate("navigator.clipboard.readText()") == page.input_value("#secret")
        page.get_by_role("link", name="I have kept it").click()

        page.get_by_role("button", name="Send a test event").click()
        page.wait_for_selector("text=answered 200")
        assert len(receiver.requests) == 1
        assert_page_is_clean(page, allowed=("422",))

    page.get_by_role("button", name="Delete").first.click()
    page.wait_for_selector("#delete-webhook[open]")
    assert_page_is_clean(page, allowed=("422",))
    page.get_by_role("button", name="Delete the webhook").click()
    page.wait_for_selector("text=No webhooks yet")


def test_the_pages_read_well_in_the_dark_and_on_a_phone(browse, asha):
    now = timezone.now()
    endpoint = make_endpoint(
        asha, Kind.BILL_PAID, Kind.APPOINTMENT_MOVED, url="https://hooks.example.org/" + "a" * 120, failing_since=now
    )
    make_endpoint(
        asha, Kind.REPORT_SIGNED, description="Website", is_active=False, disabled_at=now, disabled_reason="failing"
    )
    states = WebhookDelivery.Status
    make_delivery(endpoint, at=now - timedelta(minutes=3), attempts=2, last_error_code="timed_out")
    make_delivery(
        endpoint, at=now, kind=Kind.BILL_PAID, status=states.DEAD, last_error_code="http_error", last_status_code=500
    )
    make_delivery(
        endpoint, at=now, status=states.DELIVERED, delivered_at=now, last_status_code=204, last_duration_ms=87
    )
    for path in (reverse("webhooks:list"), reverse("webhooks:detail", args=[endpoint.pk])):
        for look in ({"dark": True}, {"viewport": PHONE}):
            assert_page_is_clean(browse(asha, path, **look))

"""What follows a signature, in a browser: an addendum that saves itself, and pages without barriers."""

import pytest
from django.urls import reverse

from reports import services
from reports.models import Addendum
from reports.sealing import signing
from reports.tests.factories import make_report
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_addendum_saves_itself_and_a_second_window_is_told(browse, asha, now):
    from playwright.sync_api import expect

    draft = services.open_addendum(make_report(asha, status="signed"), by=asha, at=now)
    address = reverse("reports:addendum", args=[draft.pk])
    page, other = browse(asha, address), browse(asha, address)

    page.locator("#id_text").press_sequentially("The pharmacy called.")
    expect(page.locator("#id_revision")).to_have_value("1")
    other.locator("#id_text").press_sequentially("From another window.")
    other.get_by_text("This report was changed in the meantime").wait_for()

    assert Addendum.objects.get().text == "The pharmacy called."
    assert_page_is_clean(page)


def test_the_pages_have_no_barriers_by_day_and_on_a_phone_at_night(browse, asha, ben, now):
    report = make_report(asha, status="signed")
    asked = services.ask_co_signature(report, supervisor=ben, by=asha, at=now)
    code = signing.entry_of(report).code

    for user, *addresses in (
        (asha, reverse("reports:detail", args=[report.pk])),
        (ben, reverse("reports:co_signatures"), reverse("reports:co_signature", args=[asked.pk])),
        (None, reverse("verify:start"), reverse("verify:code", args=[code])),
    ):
        for page in (browse(user, addresses[0]), browse(user, addresses[0], viewport=PHONE, dark=True)):
            assert_page_is_clean(page)
            for address in addresses[1:]:
                page.goto(address)
                assert_page_is_clean(page)

"""Reminders in a browser: the letters with their preview, one reminder by hand, a dispute."""

import pytest
from django.utils import timezone

from billing.models import BillMessage, ReminderStage
from billing.services import reminders, sending
from billing.tests.test_reminders import late_bill
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_letter_shows_its_words_while_they_are_typed(browse, omar):
    page = browse(omar, "/bills/reminders/letters/", viewport=DESKTOP)
    assert_page_is_clean(page)
    preview = page.get_by_role("region", name="Preview of letter 2")

    page.locator("#id_stage2-text").fill("{amount} of {number} is open.")
    preview.get_by_text("₹250.00 of INV-").wait_for()
    page.locator("#id_stage2-text").fill("Dear {name}")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("{name} cannot be filled in").first.wait_for()
    assert_page_is_clean(page, allowed=("422",))
    page.locator("#id_stage2-text").fill("{amount} of {number} is open.")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The letters are saved").wait_for()

    assert ReminderStage.objects.get(stage=2).text == "{amount} of {number} is open."
    page.set_viewport_size(PHONE)
    assert_page_is_clean(page, allowed=("422",))


def test_a_bill_is_reminded_of_by_hand_and_then_disputed(browse, rita, asha):
    bill = late_bill(asha, 12, at=timezone.now())
    page = browse(rita, f"/bills/{bill.pk}/", viewport=DESKTOP)
    page.get_by_role("link", name="Send reminder").click()
    page.get_by_role("heading", name="A friendly reminder").wait_for()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Send the reminder").click()
    page.get_by_text("The reminder is on its way.").wait_for()
    assert_page_is_clean(page)

    page.get_by_role("link", name="Disputed").click()
    page.get_by_label("What does the patient contest?").fill("Was not there that day")
    assert_page_is_clean(page)
    page.get_by_role("button", name="Note the dispute").click()
    page.get_by_text("Was not there that day").wait_for()
    page.set_viewport_size(PHONE)
    assert_page_is_clean(page)

    # What was queued does not go out any more.
    sending.send_due(timezone.now())
    assert BillMessage.objects.get(bill=bill, document="reminder").status == "skipped"
    assert reminders.queue_due(timezone.now()) == 0

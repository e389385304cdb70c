"""A bill's way to its patient in a browser: sent at the desk, opened on a phone by its link."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from billing.models import Bill
from billing.services import sending
from billing.tests.factories import make_bill
from billing.tests.papers import set_up
from patients.tests.factories import make_patient
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_bill_is_sent_by_link_and_opened_on_a_phone(browse, rita, asha):
    set_up(asha)
    patient = make_patient(doctor=asha, email="kavya@example.org")
    bill = make_bill(asha, patient=patient, status=Bill.Status.SENT)
    page = browse(rita, f"/bills/{bill.pk}/", viewport=DESKTOP)
    page.get_by_role("button", name="Send", exact=True).click()
    assert_page_is_clean(page)
    page.get_by_role("button", name="E-mail a link").click()
    page.get_by_text("on its way by e-mail").wait_for()

    sending.send_due(timezone.now() + timedelta(seconds=1))
    address = re.search(r"/document/[\w-]+/", mail.outbox[0].body)[0]
    phone = browse(None, address, viewport=PHONE, dark=True)
    assert_page_is_clean(phone)
    phone.get_by_role("button", name="Open the document").click()
    phone.get_by_text("₹1,000.00").wait_for()
    assert_page_is_clean(phone)

    page.goto(f"/bills/statements/{patient.pk}/")
    assert_page_is_clean(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert_page_is_clean(page)

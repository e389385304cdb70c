"""The API's page in a browser: nothing of it breaks the CSP, and it says what the document says."""

import pytest

from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_page_shows_every_operation(browse, asha):
    page = browse(asha, "/api/v1/docs/")
    described = page.request.get("/api/v1/schema/").json()
    operations = [method for methods in described["paths"].values() for method in methods]
    assert page.locator("details[id]:has(.api-m)").count() == len(operations)
    page.click("summary:has-text('Register a patient')")
    page.wait_for_selector("text=Idempotency-Key")
    page.click("#patients_create >> text=NewPatientRequest")
    assert page.url.endswith("#object-NewPatientRequest")
    assert_page_is_clean(page)


def test_the_page_is_clean_on_a_phone_in_the_dark(browse, omar):
    assert_page_is_clean(browse(omar, "/api/v1/docs/", viewport=PHONE, dark=True))

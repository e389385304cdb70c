"""Finding a patient from anywhere, with the keyboard on a desk and from the sheet on a phone."""

import pytest
from playwright.sync_api import expect

from patients.tests.factories import make_patient
from synapse.audit.models import Action, AuditEvent
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def kavya(asha):
    make_patient(asha, first_name="Kavyashree", last_name="Rao")
    return make_patient(asha, first_name="Kavya", last_name="Iyer")


def test_a_slash_a_name_and_enter_open_the_chart(browse, asha, kavya):
    page = browse(asha, "/settings/security/")
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Find a patient")
    expect(box).to_be_focused()
    page.keyboard.type("kavya")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    assert_page_is_clean(page)

    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option").nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**/patients/{kavya.pk}/")
    assert all("kavya" not in address.lower() for address in page.asked)
    assert AuditEvent.objects.filter(action=Action.SEARCH, actor_id=asha.pk).exists()


def test_escape_forgets_what_was_typed(browse, asha, kavya):
    page = browse(asha, "/settings/security/")
    page.keyboard.press("/")
    page.keyboard.type("kavya")
    expect(page.get_by_role("option").first).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.get_by_role("option")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Find a patient")).to_have_value("")


def test_a_phone_finds_from_the_sheet(browse, asha, kavya):
    page = browse(asha, "/settings/security/", viewport=PHONE)
    page.get_by_role("button", name="More").click()
    page.locator("#more-sheet").get_by_role("combobox").fill("kavya")
    expect(page.get_by_role("option").first).to_be_visible()
    assert_page_is_clean(page)

    page.get_by_role("option", name="Kavya Iyer").click()

    page.wait_for_url(f"**/patients/{kavya.pk}/")

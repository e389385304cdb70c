"""The idle lock in a browser: it covers the page, keeps what was typed, and opens every tab again."""

import pytest

from patients.tests.factories import make_patient
from synapse.accounts import browser_sessions
from synapse.testing.browser import PHONE, assert_page_is_clean
from synapse.testing.plugin import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOCK = "dialog[data-lock]"


def lose_patience(page) -> None:
    page.evaluate("document.querySelector('[data-lock]').dataset.idleMinutes = '0'")
    page.wait_for_selector(f"{LOCK}[open]")


def test_an_idle_page_is_covered_and_nothing_typed_is_lost(browse, asha):
    patient = make_patient(doctor=asha, first_name="Kavya")
    page = browse(asha, f"/patients/{patient.pk}/edit/")
    page.fill("input[name=first_name]", "Kavitha")
    other = page.context.new_page()
    other.goto("/settings/")

    lose_patience(page)

    assert page.title() == "Locked – SynapseAI"
    assert not page.is_visible("text=Kavya")
    other.wait_for_selector(f"{LOCK}[open]")
    page.keyboard.press("Escape")
    assert page.is_visible(f"{LOCK}[open]")
    page.fill("#lock-password", "not it")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=This is not your password")
    assert_page_is_clean(page, allowed=("422",))
    page.evaluate("document.querySelector('[data-lock]').dataset.idleMinutes = '15'")
    page.fill("#lock-password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(LOCK, state="hidden")
    assert page.input_value("input[name=first_name]") == "Kavitha"
    other.wait_for_selector(LOCK, state="hidden")


@pytest.mark.parametrize("dark", [False, True])
def test_locked_by_hand_a_reload_asks_for_the_password(browse, asha, dark):
    page = browse(asha, "/settings/", viewport=PHONE, dark=dark)
    page.evaluate("document.querySelector('[data-lock-now]').click()")
    page.wait_for_selector(f"{LOCK}[open]")
    page.wait_for_load_state("networkidle")

    page.reload()

    page.wait_for_selector("h1:has-text('This screen is locked')")
    assert_page_is_clean(page)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/")


def test_a_lock_the_server_did_not_hear_of_is_told_again_and_opens_for_nobody(browse, asha):
    page = browse(asha, "/settings/")
    page.route("**/lock/", lambda route: route.abort(), times=1)
    with page.expect_event("requestfailed"):
        page.evaluate("document.querySelector('[data-lock-now]').click()")

    with page.expect_response("**/lock/"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    assert page.is_visible(f"{LOCK}[open]")
    page.reload()
    page.wait_for_selector("h1:has-text('This screen is locked')")


def test_a_page_whose_person_was_signed_out_elsewhere_shows_nothing_more(browse, asha):
    patient = make_patient(doctor=asha, first_name="Kavya")
    page = browse(asha, f"/patients/{patient.pk}/")
    assert page.is_visible("text=Kavya")

    browser_sessions.end_all(asha, by=asha)

    page.wait_for_url("**/sign-in/?next=*", timeout=20_000)
    assert "Kavya" not in page.content()

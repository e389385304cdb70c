"""Making a token and setting up a second factor, in a real browser."""

import re

import pytest
from django.utils import timezone
from django_otp.oath import hotp
from playwright.sync_api import expect

from synapse.accounts import tokens
from synapse.accounts.models import Authenticator, ClinicSettings
from synapse.testing.browser import PHONE, assert_page_is_clean
from synapse.testing.plugin import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def clinic(db):
    return ClinicSettings.load()


def test_a_token_is_made_copied_used_and_ended(browse, asha, omar):
    page = browse(asha, "/settings/tokens/", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="Make a token").click()
    assert_page_is_clean(page)
    page.get_by_label("Name", exact=True).fill("Nightly export")
    page.get_by_label("Clinical records").check()
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Your new token")).to_be_visible()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Copy the token").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    secret = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"syn_[\w-]{43}", secret)
    assert tokens.find_token(secret, at=timezone.now()).scopes == ["read", "clinical"]
    assert not any(secret in address for address in page.asked)

    page.get_by_role("link", name="I have copied it").click()
    expect(page.locator(".nm", has_text="Nightly export")).to_be_visible()
    assert_page_is_clean(browse(omar, f"/people/{asha.pk}/access/", viewport=PHONE, dark=True))
    page.get_by_role("button", name="End Nightly export").click()
    assert_page_is_clean(page)
    page.get_by_role("button", name="End the token").click()
    expect(page.get_by_text("No program signs in as you")).to_be_visible()
    assert tokens.find_token(secret, at=timezone.now()) is None


def test_a_second_factor_is_set_up_and_asked_for(browse, asha):
    page = browse(asha, "/settings/security/", viewport=PHONE, dark=True)
    page.get_by_role("link", name="Set up an authenticator app").click()
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_alt_text("QR code for the authenticator app")).to_be_visible()
    assert_page_is_clean(page)
    authenticator = Authenticator.objects.get(user=asha, confirmed=False)
    step = int(timezone.now().timestamp()) // 30
    page.get_by_label("Code", exact=True).fill(f"{hotp(authenticator.secret, step):06}")
    page.get_by_role("button", name="Check code").click()
    codes = page.get_by_label("10 codes").input_value().split()
    assert len(codes) == 10
    assert_page_is_clean(page)
    page.get_by_role("link", name="I have saved them").click()
    expect(page.get_by_role("link", name="Turn off the app")).to_be_visible()

    again = browse(None, "/sign-in/?next=/settings/security/")
    again.get_by_label("E-mail or user name").fill("asha")
    again.get_by_label("Password", exact=True).fill(PASSWORD)
    again.keyboard.press("Enter")
    expect(again.get_by_role("heading", name="Enter your code")).to_be_visible()
    expect(again.get_by_label("Code", exact=True)).to_be_focused()
    assert_page_is_clean(again)
    again.get_by_label("Code", exact=True).fill(codes[0])
    again.keyboard.press("Enter")
    expect(again).to_have_title("Security – SynapseAI")
    expect(again.get_by_text("9 left")).to_be_visible()

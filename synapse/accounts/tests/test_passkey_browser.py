"""Making a passkey and signing in with it, in a real browser with Chromium's virtual authenticator."""

import pytest
from playwright.sync_api import expect

from synapse.accounts.models import ClinicSettings, Passkey
from synapse.testing.browser import PHONE, assert_page_is_clean
from synapse.testing.plugin import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KEY_IN_A_DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_made_and_signs_in(browse, asha, settings, live_server):
    settings.BASE_URL = live_server.url
    ClinicSettings.load()
    page = browse(asha, "/settings/security/passkeys/new/", viewport=PHONE)
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY_IN_A_DEVICE})

    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_text("Enter a name that tells which device it is").first).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Office laptop")
    assert_page_is_clean(page, allowed=("422",))
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_label("10 codes")).to_be_visible()
    page.get_by_role("link", name="I have saved them").click()
    expect(page.get_by_role("link", name="Remove Office laptop")).to_be_visible()
    assert_page_is_clean(page, allowed=("422",))

    page.context.clear_cookies()
    page.goto("/sign-in/?next=/settings/security/")
    page.get_by_label("E-mail or user name").fill("asha")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Show that it’s you")).to_be_visible()
    assert_page_is_clean(page, allowed=("422",))
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_title("Security – SynapseAI")
    assert Passkey.objects.get().last_used_at is not None

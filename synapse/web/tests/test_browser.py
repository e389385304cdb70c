"""The shell and the pages of this project's own apps, in a real browser under the real policies."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from synapse.accounts import people, services
from synapse.accounts.models import ClinicSettings
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean
from synapse.testing.plugin import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = [
    (None, "/sign-in/"),
    (None, "/password/forgot/"),
    ("asha", "/settings/"),
    ("asha", "/settings/security/"),
    ("rita", "/settings/notifications/"),
    ("omar", "/settings/clinic/"),
    ("omar", "/people/"),
    ("omar", "/people/invite/"),
    ("asha", "/gallery/"),
]
SET_UP_PAGES = ["/admin/", "/admin/accounts/user/", "/admin/accounts/clinicsettings/1/change/"]


@pytest.fixture(autouse=True)
def clinic(db):
    return ClinicSettings.load()


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, False), (PHONE, True)], ids=["desktop", "phone-dark"])
@pytest.mark.parametrize(("who", "path"), PAGES, ids=[path for _, path in PAGES])
def test_the_page_is_clean(request, browse, viewport, dark, who, path):
    user = request.getfixturevalue(who) if who else None

    page = browse(user, path, viewport=viewport, dark=dark)

    assert_page_is_clean(page)


@pytest.mark.parametrize(
    ("who", "path", "code"), [("rita", "/nothing/", "404"), (None, "/nothing/", "404"), ("rita", "/people/", "403")]
)
def test_an_error_page_is_clean(request, browse, who, path, code):
    page = browse(request.getfixturevalue(who) if who else None, path, viewport=PHONE)

    assert_page_is_clean(page, allowed=(code,))


def test_the_set_up_pages_are_clean(browse, omar):
    for path in SET_UP_PAGES:
        assert_page_is_clean(browse(omar, path))


def test_a_link_by_mail_opens_clean_pages(browse, asha, omar, now):
    invited = people.invite_person("nila@clinic.example", "doctor", by=omar, at=now)

    for path in (services.reset_path(asha), invited.path):
        assert_page_is_clean(browse(None, path))


def test_an_error_in_a_form_takes_the_focus_and_leads_to_its_field(browse, asha):
    page = browse(None, "/sign-in/")
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_role("alert")).to_be_focused()
    expect(page).to_have_title("Error: Sign in – SynapseAI")
    page.get_by_role("link", name="Enter the password").click()
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    assert_page_is_clean(page, allowed=("422",))


def test_somebody_signs_in_with_the_keyboard_and_out_again(browse, asha):
    page = browse(None, "/sign-in/?next=/settings/")
    page.get_by_label("E-mail or user name").fill("asha")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_title("Profile – SynapseAI")

    page.get_by_role("button", name="Dr Asha Rao").click()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Sign out").click()

    expect(page).to_have_title("Sign in – SynapseAI")


def test_a_password_can_be_shown(browse):
    page = browse(None, "/sign-in/")
    field = page.get_by_label("Password", exact=True)
    page.get_by_role("button", name="Show password").click()

    expect(field).to_have_attribute("type", "text")
    expect(page.get_by_role("button", name="Hide password")).to_have_attribute("aria-pressed", "true")


def test_the_theme_is_remembered_and_there_before_the_first_paint(browse, asha):
    page = browse(asha, "/settings/")
    page.get_by_role("button", name="Switch light and dark").click()
    page.reload(wait_until="commit")
    page.wait_for_selector("body")

    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    # The script that sets it comes before every style sheet and blocks: nothing is painted without it.
    assert page.evaluate(
        """() => {
          const head = [...document.head.children];
          const script = head.findIndex((node) => node.src?.includes("theme"));
          const sheet = head.findIndex((node) => node.rel === "stylesheet");
          return script < sheet && !head[script].defer && !head[script].async;
        }"""
    )


def test_single_keys_can_be_switched_off(browse, asha):
    page = browse(asha, "/settings/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert_page_is_clean(page)
    page.keyboard.press("Escape")

    page.get_by_role("switch", name="Single-key shortcuts").uncheck()
    page.get_by_role("heading", name="This browser").click()
    page.keyboard.press("?")

    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()


def test_a_letter_after_g_goes_somewhere_but_not_from_a_field(browse, asha):
    page = browse(asha, "/settings/")
    page.get_by_label("First name").press("g")
    page.get_by_label("First name").press("c")
    expect(page).to_have_title("Profile – SynapseAI")

    page.get_by_role("heading", name="You", exact=True).click()
    page.keyboard.press("g")
    page.keyboard.press("c")

    page.wait_for_url("**/calendar/**")


def test_a_dialog_opens_closes_and_does_what_it_says(browse, omar, asha):
    page = browse(omar, "/people/")
    page.get_by_role("button", name="Deactivate Dr Asha Rao").click()
    dialog = page.get_by_role("dialog", name="Deactivate this account")
    expect(dialog).to_be_visible()
    assert_page_is_clean(page)
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog).to_be_hidden()

    page.get_by_role("button", name="Deactivate Dr Asha Rao").click()
    dialog.get_by_role("button", name="Deactivate").click()

    expect(page.get_by_role("status")).to_contain_text("can't sign in any more")
    asha.refresh_from_db()
    assert not asha.is_active


def test_everything_is_within_reach_on_a_phone(browse, omar):
    page = browse(omar, "/people/", viewport=PHONE)
    page.get_by_role("button", name="More").click()
    sheet = page.locator("#more-sheet")
    expect(sheet).to_be_visible()
    assert_page_is_clean(page)

    sheet.get_by_role("link", name="Privacy").click()

    page.wait_for_url("**/audit/**")


def test_a_refused_htmx_request_says_why(browse, asha):
    page = browse(asha, "/gallery/")
    page.evaluate("htmx.ajax('POST', '/people/invite/', {target: '#main', swap: 'innerHTML'})")

    expect(page.get_by_role("status")).to_contain_text("You may not do this")
    expect(page.get_by_role("heading", name="Components")).to_be_visible()


def test_a_session_that_ended_under_an_htmx_request_leads_to_sign_in_and_back(browse, asha, omar):
    page = browse(asha, "/gallery/")
    people.deactivate_person(asha, by=omar, at=timezone.now())

    page.evaluate("htmx.ajax('GET', '/settings/', {target: '#main'})")

    page.wait_for_url("**/sign-in/?next=%2Fgallery%2F")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

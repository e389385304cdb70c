"""The risk panel and a checklist in a browser: decided by a press, led to by the sign dialog, clean in both themes."""

import pytest

from reports.models import ReportTemplate
from reports.tests.factories import make_report, make_words, reloaded
from reports.tests.test_risk import CHECKLIST, TALK
from sessions_app.tests.factories import make_session
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def report(asha):
    template = ReportTemplate.objects.create(name="Checklist", slug="checklist", doctor=asha, structure=CHECKLIST)
    session = make_session(asha, status="completed")
    make_words(session, TALK)
    return make_report(asha, session=session, template=template)


def test_a_statement_is_decided_by_a_press_and_found_from_the_sign_dialog(browse, asha, report):
    page = browse(asha, f"/reports/{report.pk}/", viewport=DESKTOP)
    assert page.locator("#risk").get_by_text("3 to decide").is_visible()

    page.locator("#risk-r1").get_by_role("button", name="Denied").click()
    page.locator("#risk").get_by_text("2 to decide").wait_for()
    assert page.locator("#risk-r1 [aria-pressed=true]").inner_text() == "Denied"
    page.locator("[data-sign]").first.click()
    page.locator("dialog[open] [data-go-to=r2]").click()

    assert page.evaluate("document.activeElement.id") == "risk-r2"
    assert reloaded(report).risk_statements[0]["disposition"] == "denied"
    assert_page_is_clean(page)


def test_an_item_is_set_by_hand(browse, asha, report):
    page = browse(asha, f"/reports/{report.pk}/", dark=True, viewport=PHONE)
    item = page.locator("li", has_text="Violence: Not assessed this session.")

    item.locator("summary").click()
    item.get_by_label("In your words").fill("Shouted in the waiting room.")
    item.get_by_role("button", name="Present, in these words").click()

    page.get_by_text("Violence: Shouted in the waiting room.").first.wait_for()
    assert_page_is_clean(page)

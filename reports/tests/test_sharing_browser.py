"""Sharing in a browser: the clinician makes a link, the patient opens it on a phone, the clinician sees it."""

import pytest
from django.utils import timezone

from reports import services
from reports.models import ShareOpening
from reports.tests.factories import make_report
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REFUSED = ("status of 422", "status of 404")


@pytest.fixture
def signed(asha):
    return make_report(asha, status="signed")


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, False), (PHONE, True)])
def test_a_link_with_a_pin_is_made_opened_read_and_saved(browse, asha, signed, live_server, viewport, dark):
    desk = browse(asha, f"/reports/{signed.pk}/sharing/", viewport=viewport, dark=dark)
    assert_page_is_clean(desk)
    desk.check("input[name=document][value=report]")
    desk.fill("input[name=email]", "kavya@mail.example")
    desk.get_by_role("button", name="Make the link").click()
    path = "/" + desk.input_value("#link").split("/", 3)[3]
    pin = desk.input_value("#pin")
    assert_page_is_clean(desk)

    page = browse(None, path, viewport=viewport, dark=dark)
    assert signed.session.patient.last_name not in page.content()
    assert_page_is_clean(page)
    page.fill("input[name=pin]", "not right")
    page.get_by_role("button", name="Open the document").click()
    page.get_by_text("4 tries are left").first.wait_for()
    page.fill("input[name=pin]", pin)
    page.get_by_role("button", name="Open the document").click()
    page.get_by_role("heading", name=signed.title).wait_for()
    assert_page_is_clean(page, allowed=REFUSED)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as PDF").click()
    assert saved.value.suggested_filename.endswith(".pdf")
    assert signed.session.patient.last_name not in saved.value.suggested_filename

    again = browse(None, path, viewport=viewport)
    again.get_by_role("heading", name="This link can’t be opened").wait_for()
    assert_page_is_clean(again, allowed=REFUSED)
    assert ShareOpening.objects.count() == 1
    desk.goto(f"/reports/{signed.pk}/sharing/")
    desk.get_by_text("Opened today").wait_for()
    assert "on Linux" in desk.content()
    assert_page_is_clean(desk)


def test_a_summary_is_changed_ticked_and_loses_its_tick(browse, asha, signed):
    services.begin_summary(signed, by=asha, at=timezone.now())
    page = browse(asha, f"/reports/{signed.pk}/summary/")

    page.get_by_role("button", name="I have read it").click()
    page.get_by_text("Ticked by").wait_for()
    assert_page_is_clean(page)
    line = page.locator(".plain-lines textarea").first
    line.fill("You feel a little better.")
    page.get_by_role("button", name="Save this line").first.click()

    page.get_by_text("Your words").wait_for()
    page.get_by_role("button", name="I have read it").wait_for()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Take in").first.click()
    page.wait_for_load_state("networkidle")
    signed.refresh_from_db()
    assert len(signed.patient_summary.lines) == page.locator(".plain-lines > li").count()


def test_reception_sees_states_and_prints_what_was_shared(browse, asha, rita, signed):
    services.share_report(
        signed,
        audience="patient",
        document="report",
        email="kavya@mail.example",
        expires_in_hours=1,
        by=asha,
        at=timezone.now(),
    )
    page = browse(rita, f"/patients/{signed.session.patient_id}/")
    page.wait_for_load_state("networkidle")

    page.get_by_role("link", name="Reports", exact=True).last.click()

    page.get_by_role("heading", name="To hand over").wait_for()
    assert_page_is_clean(page)
    assert page.get_by_role("button", name="Print what was shared").count() == 1
    assert signed.title not in page.content()

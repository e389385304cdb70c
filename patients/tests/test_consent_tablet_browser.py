"""The tablet goes out, a patient signs with a finger's line, and the colleague comes back with the password."""

import pytest

from patients.consents import signatures
from patients.tests.factories import make_patient
from synapse.testing.browser import PHONE, assert_page_is_clean
from synapse.testing.plugin import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TABLET = {"width": 820, "height": 1180}


def test_a_patient_signs_on_the_tablet_and_the_clinic_comes_back(browse, rita, asha):
    kavya = make_patient(asha)
    page = browse(rita, f"/patients/{kavya.pk}/consents/", viewport=TABLET)
    page.locator('[data-dialog-open="tablet"]').click()
    assert_page_is_clean(page)
    for kind in ("telehealth", "data_sharing", "treatment", "hipaa_notice", "keep_audio"):
        page.locator(f'#tablet [value="{kind}"]').uncheck()
    page.get_by_role("button", name="Lock and hand over").click()
    page.get_by_role("heading", name="Your decisions").wait_for()
    assert_page_is_clean(page)
    page.go_back()
    page.wait_for_url("**/unlock/**")
    page.go_forward()
    page.get_by_role("heading", name="Your decisions").wait_for()

    page.locator("#ask-recording").get_by_label("Yes, I agree").check()
    pad = page.locator("[data-sign]")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    with page.expect_response(lambda answer: answer.url.endswith("/keep/") and answer.status == 204):
        page.mouse.move(box["x"] + 150, box["y"] + 120)
        page.mouse.down()
        for step in range(1, 9):
            page.mouse.move(box["x"] + 150 + 40 * step, box["y"] + 120 + (40 if step % 2 else -30))
        page.mouse.up()
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_role("heading", name="Ihre Entscheidungen").wait_for()
    assert page.locator("#ask-recording input[value=yes]").is_checked()
    page.get_by_role("button", name="Meine Antworten speichern").click()
    page.locator("[data-missing]").wait_for()
    assert_page_is_clean(page, allowed=("422",))
    page.locator("#ask-ai_note input[value=no]").check()
    page.get_by_role("button", name="Meine Antworten speichern").click()
    page.get_by_role("heading", name="Danke").wait_for()
    assert_page_is_clean(page, allowed=("422",))

    page.get_by_role("link", name="Für die Praxis").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Unlock").click()
    page.get_by_text("signed on the tablet").last.wait_for()
    page.get_by_role("button", name="Signature: Recording the session").click()
    assert page.locator("dialog[open] svg.signature path").get_attribute("d").startswith("M")
    recording = kavya.consents.get(kind="recording")
    assert (recording.status, recording.text_language) == ("live", "de")
    assert signatures.is_drawn(recording.signature.strokes)
    assert signatures.is_whole(recording)


def test_the_tablet_is_clean_on_a_phone_at_night(browse, rita, asha):
    kavya = make_patient(asha)
    page = browse(rita, f"/patients/{kavya.pk}/consents/", viewport=PHONE, dark=True)
    page.locator('[data-dialog-open="tablet"]').click()
    page.get_by_role("button", name="Lock and hand over").click()
    page.get_by_role("heading", name="Your decisions").wait_for()
    assert_page_is_clean(page)

"""The review page in a browser: hear, change, settle, sign, with the mouse and with the keyboard."""

import re

import pytest
from django.utils import timezone

from reports import services
from reports.sealing import signing
from reports.tests.factories import (
    CONSULTATION,
    clinic_template,
    make_report,
    make_words,
    reloaded,
    settle,
)
from sessions_app import services as sessions
from sessions_app.recordings import audio
from sessions_app.tests.factories import make_session, record_audio, tone
from sessions_app.transcripts import corrections
from synapse.testing.browser import PHONE, assert_page_is_clean
from synapse.testing.plugin import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def session(asha):
    """A completed session with sound as long as its words."""
    session = make_session(asha)
    record_audio(session, tone(len(CONSULTATION) * 4_000))
    sessions.complete_session(session, by=asha, at=timezone.now())
    audio.survey(session)
    session.transcriptions.all().delete()
    make_words(session)
    return session


def open_report(browse, person, report, **options):
    page = browse(person, f"/reports/{report.pk}/", **options)
    page.wait_for_load_state("networkidle")
    return page


def test_a_line_is_heard_and_its_words_light_up(browse, asha, session):
    page = open_report(browse, asha, make_report(asha, session=session))
    line = page.locator("[data-line]", has_text="nausea")

    with page.expect_request(re.compile(r"/audio/$")):
        line.click()

    page.wait_for_selector("[data-player].is-playing")
    lit = page.locator("[data-turn] mark.on").all_inner_texts()
    assert any("nausea" in text for text in lit)
    # The chip's time is where the player is: the line rests on an answer of the sixth utterance.
    page.wait_for_function("document.querySelector('[data-player-now]').textContent !== '0:00'")
    assert line.get_attribute("aria-current") == "true"
    page.locator("[data-player-toggle]").click()
    page.wait_for_selector("[data-player]:not(.is-playing)")
    assert_page_is_clean(page, allowed=("net::ERR_ABORTED",))


def test_the_keyboard_goes_from_a_draft_to_a_signed_report(browse, asha, session):
    report = make_report(asha, session=session, template=clinic_template("psychiatry_followup"))
    report = settle(report, by=asha)
    page = open_report(browse, asha, report)

    page.keyboard.press("?")
    assert page.locator("#shortcuts").get_by_text("Mark this section checked").is_visible()
    page.keyboard.press("Escape")

    page.keyboard.press("j")
    current = page.locator('[data-line][aria-current="true"]')
    first = current.inner_text()
    page.keyboard.press("j")
    assert current.inner_text() != first
    page.keyboard.press("k")
    assert current.inner_text() == first

    page.locator("[data-line]", has_text="nausea").click()
    page.keyboard.press("e")
    box = page.locator("[data-section-form] textarea")
    box.wait_for()
    assert box.count() == 1
    box.fill("Takes lithium 300 mg at night.")
    page.keyboard.press("Control+Enter")
    page.locator(".unsup", has_text="lithium").wait_for()
    assert "Settle 1 line before you sign" in page.locator("#signbar").inner_text()

    page.keyboard.press("Control+Enter")
    dialog = page.locator("#sign-report")
    assert "Before you can sign" in dialog.inner_text()
    assert_page_is_clean(page)
    page.keyboard.press("Escape")

    page.get_by_role("button", name=re.compile("^Keep, I confirm it")).click()
    page.locator(".unsup").wait_for(state="detached")
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.locator("#signbar").get_by_text("1 of 9 sections checked").wait_for()

    page.keyboard.press("Control+Enter")
    assert "sign it as my own record" in dialog.inner_text()
    dialog.get_by_label("Your password").fill("wrong")
    page.keyboard.press("Enter")
    dialog.get_by_text("This password is not right").first.wait_for()
    dialog.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")

    page.get_by_text("Signed by Dr Asha Rao").wait_for()
    signed = reloaded(report)
    assert signing.verify(signed) is signing.Seal.WHOLE
    assert signed.content_hash in page.content()
    assert_page_is_clean(page, allowed=("422",))


def test_what_was_left_out_is_put_in(browse, asha, session):
    report = make_report(asha, session=session)
    line = next(line for section in report.structured_data for line in section["sentences"] if "nausea" in line["text"])
    report = services.settle_sentence(report, line["id"], "remove", by=asha, at=timezone.now())
    page = open_report(browse, asha, report)
    finding = page.locator("#findings li", has_text="nausea").first

    finding.get_by_label("Section for").select_option("medication_response")
    finding.get_by_role("button", name=re.compile("^Insert")).click()

    page.locator("#section-medication_response [data-line]", has_text="nausea").wait_for()
    assert page.locator("#findings li", has_text="nausea").count() == 0
    assert_page_is_clean(page)


def test_a_draft_is_reviewed_on_a_phone(browse, asha, session):
    report = make_report(asha, session=session, with_unsupported=True)
    page = open_report(browse, asha, report, viewport=PHONE, dark=True)

    page.locator("button[data-ev]").first.tap()
    page.wait_for_selector("[data-player].is-playing")

    assert page.locator("[data-said-now]").inner_text().startswith("“")
    page.locator("#signbar-phone [data-sign]").tap()
    assert page.locator("#sign-report").is_visible()
    assert_page_is_clean(page, allowed=("net::ERR_ABORTED",))


def test_every_page_around_a_report_is_clean_by_day_and_on_a_phone_at_night(browse, asha, session):
    report = settle(make_report(asha, session=session), by=asha)
    mine = services.copy_template(clinic_template(), by=asha, at=timezone.now())
    signed = services.sign_report(report, by=asha, at=timezone.now(), password_checked=True)

    for page in (browse(asha, "/reports/"), browse(asha, "/reports/", viewport=PHONE, dark=True)):
        assert_page_is_clean(page)
        for path in (
            f"/reports/{signed.pk}/",
            f"/reports/for-session/{session.pk}/",
            "/templates/",
            f"/templates/{mine.pk}/",
            f"/templates/{mine.pk}/edit/",
        ):
            page.goto(path)
            assert_page_is_clean(page)


def test_a_line_whose_words_were_corrected_is_marked_until_it_is_confirmed(browse, asha, session):
    report = make_report(asha, session=session)
    segments = report.transcription.segments
    heard = next(segment for segment in segments if "nausea" in segment["text"])
    changed = heard["text"].replace("nausea", "headaches")
    corrections.correct_segments(
        report.transcription, [{"id": heard["id"], "text": changed}], by=asha, at=timezone.now()
    )

    page = open_report(browse, asha, report)

    mark = page.locator("[data-source-corrected]").first
    assert mark.locator("del").inner_text() == "nausea"
    assert mark.locator("ins").inner_text() == "headaches"
    assert mark.locator("a").get_attribute("href").startswith(f"/sessions/{session.pk}/transcript/#line-")
    assert_page_is_clean(page)
    while page.locator("[data-source-corrected]").count():
        left = page.locator("[data-source-corrected]").count()
        page.locator(".inline-act:has([data-source-corrected])").first.get_by_text("Keep, I confirm it").click()
        page.locator("[data-source-corrected]").nth(left - 1).wait_for(state="detached")
    page.reload()
    assert page.locator("[data-source-corrected]").count() == 0

"""The section editor in a browser: typing is saved, two windows meet, quotes go in, everything comes back."""

import re

import pytest
from django.utils import timezone

from reports import services
from reports.content import all_sentences
from reports.models import StyleRule
from reports.tests.factories import clinic_template, line_about, make_report, reloaded
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_report(browse, person, report, **options):
    page = browse(person, f"/reports/{report.pk}/", **options)
    page.wait_for_load_state("networkidle")
    return page


def edit(page, words):
    page.locator("[data-line]", has_text=words).click()
    page.keyboard.press("e")
    box = page.locator("[data-section-form] textarea").first
    box.wait_for()
    return box


def texts(report):
    return [line["text"] for line in all_sentences(reloaded(report).structured_data)]


def test_typing_is_saved_survives_a_lost_network_and_is_undone(browse, asha):
    report = make_report(asha)
    page = open_report(browse, asha, report)
    box = edit(page, "had nausea")

    box.fill("Nausea in week 1.")
    page.locator("[data-line-state]", has_text=re.compile(r"Saved \d+:\d\d")).wait_for()
    assert "Nausea in week 1." in texts(report)
    assert_page_is_clean(page)

    page.route("**/text/", lambda route: route.abort())
    box.fill("Nausea in week 1, gone since.")
    page.locator("[data-line-state]", has_text="Kept on this device").wait_for()
    page.unroute("**/text/")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.locator("[data-line-state]", has_text=re.compile(r"Saved \d+:\d\d")).first.wait_for()
    assert "Nausea in week 1, gone since." in texts(report)

    page.locator("[data-section-form] button[type=submit]", has_text="Done").click()
    page.locator("[data-section-form]").wait_for(state="detached")
    page.keyboard.press("Control+z")
    page.locator("[data-line]", has_text=re.compile("^Nausea in week 1.$")).wait_for()
    page.keyboard.press("Control+z")
    page.locator("[data-line]", has_text="had nausea").wait_for()
    assert "had nausea" in " ".join(texts(report))


def test_two_windows_show_both_wordings_and_block_nothing_else(browse, asha):
    report = make_report(asha)
    first, second = open_report(browse, asha, report), open_report(browse, asha, report)
    boxes = [edit(page, "had nausea") for page in (first, second)]

    boxes[0].fill("Theirs.")
    first.locator("[data-line-state]", has_text=re.compile(r"Saved \d+:\d\d")).wait_for()
    boxes[1].fill("Mine.")
    conflict = second.locator("[data-line-conflict]:not([hidden])")
    conflict.wait_for()
    assert "Theirs." in conflict.inner_text()
    assert_page_is_clean(second, allowed=("409",))
    assert "Theirs." in texts(report)

    conflict.get_by_text("Keep mine").click()
    second.locator("[data-line-state]", has_text=re.compile(r"Saved \d+:\d\d")).wait_for()
    assert "Mine." in texts(report)


def test_a_quote_goes_from_the_transcript_into_a_section_by_keyboard(browse, asha):
    report = make_report(asha)
    page = open_report(browse, asha, report)

    page.locator("[data-turn]", has_text="some nausea").locator("[data-quote]").focus()
    page.keyboard.press("Enter")
    box = page.locator("#quote-text")
    assert "nausea" in box.input_value()
    box.fill("some nausea the first week")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("[data-line]", has_text="“some nausea the first week”").wait_for()

    assert not page.locator("#quote").is_visible()
    assert "The patient said: “some nausea the first week”" in texts(report)


def test_lines_are_cut_and_joined_with_the_keyboard(browse, asha):
    report = make_report(asha)
    before = texts(report)
    line = line_about(report, "had nausea")["text"]
    page = open_report(browse, asha, report)
    page.locator("[data-line]", has_text="had nausea").click()
    page.locator(".sect.sel [data-edit]").click()
    box = page.locator("textarea", has_text=line)
    box.wait_for()
    box.focus()
    box.evaluate("box => box.setSelectionRange(box.value.indexOf('the first'), box.value.indexOf('the first'))")

    page.keyboard.press("Alt+Enter")
    page.locator("textarea", has_text=re.compile("^\\s*The first week")).wait_for()
    assert len(texts(report)) == len(before) + 1

    second = page.locator("textarea", has_text=re.compile("^\\s*The first week"))
    second.focus()
    second.evaluate("box => box.setSelectionRange(0, 0)")
    page.keyboard.press("Backspace")
    page.locator("textarea", has_text="nausea. The first week.").wait_for()
    assert len(texts(report)) == len(before)


@pytest.mark.parametrize("dark", [False, True])
def test_the_open_editor_is_clean_on_a_phone(browse, asha, dark):
    report = make_report(asha)
    page = open_report(browse, asha, report, viewport=PHONE, dark=dark)
    page.locator("[data-edit]").first.click()
    page.locator("[data-section-form]").wait_for()

    assert_page_is_clean(page)


def test_versions_side_by_side_and_the_style_page_are_clean(browse, asha):
    report = make_report(asha, template=clinic_template("soap"))
    StyleRule.objects.create(
        doctor=asha,
        kind="wording",
        rule={"from": "patient", "to": "client"},
        sources=[
            {"report": str(report.pk), "sentence": "s1", "before": "The patient rests.", "after": "The client rests."}
        ],
    )
    converted = services.convert_report(report, clinic_template("dap"), by=asha, at=timezone.now())

    compared = f"/reports/{converted.pk}/compare/"
    for page in (browse(asha, compared), browse(asha, compared, viewport=PHONE, dark=True)):
        page.wait_for_load_state("networkidle")
        assert_page_is_clean(page)
        page.goto("/reports/style/")
        page.wait_for_load_state("networkidle")
        assert_page_is_clean(page)

"""The template editor in a browser: drag, keyboard, preview while typing, and nothing unsaved is lost by leaving."""

import re

import pytest
from django.utils import timezone

from reports import services
from reports.templating.origin import content_of
from reports.tests.factories import clinic_template, make_written_session
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def mine(asha):
    return services.copy_template(clinic_template("soap"), by=asha, at=timezone.now())


def open_editor(browse, person, template, **options):
    page = browse(person, f"/templates/{template.pk}/edit/", **options)
    page.locator("[data-preview] .prev").wait_for()
    return page


def order(page):
    return page.locator("[data-sections] [data-title-of]").all_inner_texts()


def test_sections_are_moved_by_drag_and_by_keyboard_and_then_saved(browse, asha, mine):
    page = open_editor(browse, asha, mine)
    grip = page.locator("[data-grip]").nth(3).bounding_box()
    first = page.locator("[data-row]").nth(0).bounding_box()

    page.mouse.move(grip["x"] + 6, grip["y"] + 10)
    page.mouse.down()
    page.mouse.move(first["x"] + 20, first["y"] + 4, steps=6)
    page.mouse.up()

    page.locator('[data-row="0"]', has_text="Plan").wait_for()
    assert order(page) == ["Plan", "Subjective", "Objective", "Assessment"]

    page.locator('[data-choose="2"]').focus()
    page.keyboard.press("Alt+ArrowUp")
    page.locator('[data-row="1"]', has_text="Objective").wait_for()
    assert page.evaluate("document.activeElement.id") == "step-up-1"
    page.keyboard.press("Alt+ArrowUp")
    page.locator('[data-row="0"]', has_text="Objective").wait_for()
    assert "Objective moved to place 1 of 4" in page.locator("[data-editor-status]").inner_text()
    assert page.get_by_text("Not saved").is_visible()
    assert_page_is_clean(page)

    page.get_by_role("button", name="Save as version 2").click()
    page.get_by_text("Saved as version 2").wait_for()
    assert order(page) == ["Objective", "Plan", "Subjective", "Assessment"]
    mine.refresh_from_db()
    assert [section["title"] for section in mine.structure["sections"]] == order(page)


def test_the_preview_follows_what_is_typed(browse, asha, mine):
    session = make_written_session(asha)
    page = open_editor(browse, asha, mine)
    preview = page.locator("[data-preview]")
    assert session.patient.full_name in page.locator("#preview-source option:checked").inner_text()
    assert "Changed by this edit" not in preview.inner_text()

    page.locator("#step-add").click()
    page.locator("#id_sections-4-title:focus").wait_for()
    page.keyboard.type("Sleep")
    page.locator('[data-preview-of="4"] h3', has_text="Sleep").wait_for()
    assert page.locator('[data-row="4"]').inner_text().startswith("Sleep")
    page.locator('[data-choose="0"]').click()
    page.locator(".tpanel.on").get_by_label("History", exact=True).uncheck()

    page.locator('[data-preview-of="4"] ins', has_text="still wakes up").wait_for()
    why = page.locator('[data-preview-of="4"] .why')
    why.locator("summary").click()
    assert "I still wake up around four in the morning" in why.inner_text()
    chip = page.locator('[data-preview-of="4"] a.ev').first
    assert chip.get_attribute("href").startswith(f"/sessions/{session.pk}/transcript/#line-")
    assert_page_is_clean(page)


def test_leaving_with_unsaved_changes_is_asked_about_and_saving_is_not(browse, asha, mine):
    page = open_editor(browse, asha, mine)
    asked = []

    def stay_then_leave(dialog):
        asked.append(dialog.type)
        dialog.dismiss() if len(asked) == 1 else dialog.accept()

    page.on("dialog", stay_then_leave)
    list_link = page.get_by_label("Breadcrumb").get_by_role("link", name="Templates")

    page.get_by_label("Template name").fill("My SOAP")
    with page.expect_event("dialog"):
        list_link.click()

    assert asked == ["beforeunload"]
    assert page.url.endswith("/edit/")
    assert page.get_by_label("Template name").input_value() == "My SOAP"
    list_link.click()
    page.wait_for_url(re.compile(r"/templates/$"))
    page.goto(f"/templates/{mine.pk}/edit/")
    page.get_by_role("button", name="Bring them back").click()
    page.locator('#id_name[value="My SOAP"]').wait_for()
    asked.clear()
    page.get_by_role("button", name="Save as version 2").click()
    page.get_by_text("Saved as version 2").wait_for()
    list_link.click()
    page.wait_for_url(re.compile(r"/templates/$"))
    page.goto(f"/templates/{mine.pk}/edit/")
    assert not page.get_by_text("There are changes you did not save").is_visible()
    assert asked == []


def test_a_template_is_changed_on_a_phone_by_touch(browse, asha, mine):
    page = open_editor(browse, asha, mine, viewport=PHONE, dark=True)

    page.locator("#step-down-0").tap()
    page.locator('[data-row="1"]', has_text="Subjective").wait_for()
    page.locator('[data-choose="1"]').tap()
    panel = page.locator(".tpanel.on")
    panel.get_by_label("Checklist", exact=True).tap()
    panel.get_by_role("button", name="Risk").tap()
    page.locator(".tpanel.on .for-checklist textarea:focus").wait_for()

    assert "Suicidal ideation" in page.locator(".tpanel.on .for-checklist textarea").input_value()
    page.evaluate("scrollTo(0, 0)")
    assert_page_is_clean(page)


@pytest.mark.parametrize(("dark", "viewport"), [(False, DESKTOP), (True, PHONE)])
def test_every_page_around_templates_is_clean(browse, asha, ben, dark, viewport):
    now = timezone.now()
    shared = services.copy_template(clinic_template("intake"), by=asha, at=now)
    shared = services.save_template(shared, **{**content_of(shared), "name": "Ours"}, is_public=True, by=asha, at=now)
    fork = services.copy_template(shared, by=ben, at=now)
    structure = {"sections": [*shared.structure["sections"][3:], {"id": "driving", "title": "Driving", "type": "text"}]}
    services.save_template(shared, **{**content_of(shared), "structure": structure}, is_public=True, by=asha, at=now)

    assert_page_is_clean(browse(asha, f"/templates/{shared.pk}/versions/", dark=dark, viewport=viewport))
    for path in ("", "new/", f"{fork.pk}/", f"{fork.pk}/edit/", f"{fork.pk}/origin/"):
        assert_page_is_clean(browse(ben, f"/templates/{path}", dark=dark, viewport=viewport))

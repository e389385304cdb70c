"""The pages of prices and codes in a browser, and the story of a code field: found by words, taken by keys."""

import pytest

from billing.models import FeeScheduleItem
from billing.services import codes
from billing.tests.factories import make_fee
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = [(DESKTOP, False), (PHONE, True)]


@pytest.mark.parametrize(("viewport", "dark"), LOOKS)
def test_the_pages_are_clean(browse, omar, asha, now, viewport, dark):
    item = make_fee(description="Hers", doctor=asha)
    staged = codes.stage("icd10", b"code,words\nF32.1,Ours\nQ99.9,New\nbad,row\n", by=omar, at=now)
    page = browse(omar, "/bills/settings/", viewport=viewport, dark=dark)
    assert_page_is_clean(page)

    for path in (
        "fees/?ended=1",
        "fees/add/?for=no_show",
        f"fees/{item.pk}/",
        "fees/import/",
        "codes/?system=cpt&words=psychotherapy",
        f"codes/import/{staged.pk}/",
    ):
        page.goto(f"/bills/settings/{path}")
        assert_page_is_clean(page)


def test_a_code_is_found_by_words_and_taken_by_keys(browse, omar):
    FeeScheduleItem.objects.all().delete()
    page = browse(omar, "/bills/settings/fees/add/")
    field = page.get_by_role("combobox", name="Code")

    field.press_sequentially("psychoth 45")
    options = page.get_by_role("listbox", name="Codes found").get_by_role("option")
    options.first.wait_for()
    assert field.get_attribute("aria-expanded") == "true"
    assert "retired" in options.last.inner_text()
    assert_page_is_clean(page)
    field.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    field.press("Enter")

    assert field.input_value() == "90834"
    assert field.get_attribute("aria-expanded") == "false"
    page.get_by_label("Service").fill("Psychotherapy, 45 minutes")
    page.get_by_label("Price").fill("2,000")
    page.get_by_role("button", name="Add the price").click()
    page.get_by_text("is on the fee schedule").wait_for()
    assert FeeScheduleItem.objects.get().cpt_code == "90834"


def test_the_list_closes_by_escape_and_by_leaving_and_a_press_takes_a_code(browse, omar):
    page = browse(omar, "/bills/settings/fees/add/", viewport=PHONE)
    field = page.get_by_role("combobox", name="Code")
    options = page.get_by_role("listbox", name="Codes found").get_by_role("option")

    field.press_sequentially("crisis")
    options.first.wait_for()
    field.press("Escape")
    assert options.count() == 0
    assert field.input_value() == "crisis"
    field.press("ArrowDown")
    options.first.wait_for()
    assert_page_is_clean(page)
    options.filter(has_text="first hour").tap()
    assert field.input_value() == "90839"
    field.press("End")
    field.press("Backspace")
    options.first.wait_for()
    page.get_by_label("Service").focus()
    assert options.count() == 0


def test_without_a_script_the_field_takes_a_code_as_text(browse, omar):
    FeeScheduleItem.objects.all().delete()
    page = browse(omar, "/bills/settings/fees/add/", java_script_enabled=False)

    page.get_by_label("Code").fill("90834")
    page.get_by_label("Service").fill("Therapy")
    page.get_by_label("Price").fill("2000")
    page.get_by_role("button", name="Add the price").click()

    assert FeeScheduleItem.objects.get().cpt_code == "90834"

"""A private note in a browser: found from the chart, saved as it is typed, nothing lost by a cut."""

import pytest
from playwright.sync_api import expect

from patients.tests.factories import make_patient
from synapse.psychotherapy import services
from synapse.psychotherapy.models import ProcessNote
from synapse.testing.browser import assert_page_is_clean

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_typed_while_the_line_was_cut_is_there_after_a_reload(browse, asha):
    page = browse(asha, f"/patients/{make_patient(asha).pk}/")
    page.get_by_role("link", name="Private notes").click()
    expect(page.get_by_role("heading", name="Private notes")).to_be_visible()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Write").click()
    area, state = page.locator("#private-note"), page.locator("[data-notes-status]")
    area.fill("First thought.")
    expect(state).to_have_text("Not saved yet")
    expect(state).to_contain_text("Saved", timeout=20_000)
    assert_page_is_clean(page)

    page.context.set_offline(True)
    area.fill("First thought. Second thought.")
    expect(state).to_contain_text("Kept on this device", timeout=20_000)
    page.context.set_offline(False)
    page.reload()

    expect(area).to_have_value("First thought. Second thought.")
    expect(state).to_contain_text("Saved", timeout=20_000)
    assert services.read_text(ProcessNote.objects.get(), by=asha) == "First thought. Second thought."

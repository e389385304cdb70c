"""Words that are too faint are found on every page that has them, though the contrast of a look is judged once."""

import pytest

from synapse.testing import axe

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en"><head><title>Colours</title></head><body><main>
<h1>Colours</h1><p style="color: {color}">Words on white</p></main></body></html>"""


@pytest.fixture
def page(chromium, monkeypatch):
    monkeypatch.setattr(axe, "_passed", set())
    page = chromium.new_page()
    yield page
    page.close()


def barriers_of(page, **colors):
    page.set_content(PAGE.format(**colors))
    return axe.barriers(page)


def test_a_faint_look_is_named_each_time_and_whatever_was_clear_before(page):
    assert barriers_of(page, color="#333") == []

    for _ in range(2):
        [found] = barriers_of(page, color="#ccc")
        assert found.startswith("axe color-contrast")
        assert "Words on white" in found
    assert barriers_of(page, color="#333") == []


def test_words_that_were_clear_on_white_are_judged_again_on_another_ground(page):
    assert barriers_of(page, color="#333") == []

    [found] = barriers_of(page, color="#333; background: #444")

    assert found.startswith("axe color-contrast")

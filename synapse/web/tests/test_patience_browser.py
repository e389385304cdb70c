"""The hands of the browser tests: an action never comes before the scripts that hear it."""

import pytest

from synapse.testing.browser import need_chromium

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGE = """<!doctype html><title>Late</title><script src="/late/script.js" defer></script>
<p>It can be read at once</p><button>Press</button><input aria-label="Name">"""
SCRIPT = """
const hear = (name) => (document.title += ` ${name}`);
document.querySelector("button").addEventListener("click", () => hear("click"));
document.querySelector("input").addEventListener("input", () => hear("input"));
document.addEventListener("keydown", () => hear("key"));
"""
SWAPPING = """<!doctype html><title>Swaps</title><script src="/static/vendor/htmx-2.0.11.min.js" defer></script>
<meta name="htmx-config" content='{"defaultSettleDelay": 700}'>
<div id="place"><button hx-get="/late/first/" hx-target="#place">First</button></div>"""
FIRST = """<button hx-get="/late/second/" hx-target="#place">Second</button>"""
SCRIPT_TAKES_MS = 400
HEARD_MS = 5_000


@pytest.fixture
def late_page(browse):
    """Open a page whose script comes long after its text."""
    need_chromium()
    page = browse(None, "/healthz")

    def answer_late(route):
        page.wait_for_timeout(SCRIPT_TAKES_MS)
        route.fulfill(body=SCRIPT, content_type="text/javascript")

    page.route("**/late/script.js", answer_late)
    page.route("**/late/", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.goto("/late/", wait_until="commit")
    page.wait_for_selector("text=It can be read at once")
    return page


@pytest.mark.parametrize(
    ("act", "heard"),
    [
        (lambda page: page.click("button"), "click"),
        (lambda page: page.get_by_role("button").click(), "click"),
        (lambda page: page.get_by_label("Name").fill("Kavya"), "input"),
        (lambda page: page.keyboard.press("n"), "key"),
        (lambda page: page.mouse.click(*middle_of(page.locator("button"))), "click"),
    ],
    ids=["page", "locator", "field", "keyboard", "mouse"],
)
def test_an_action_waits_for_the_scripts_of_the_page(late_page, act, heard):
    act(late_page)

    late_page.wait_for_function("word => document.title.includes(word)", arg=heard, timeout=HEARD_MS)


def test_an_action_waits_until_htmx_has_made_what_it_swapped_in_its_own(browse):
    page = browse(None, "/healthz")
    page.route("**/late/", lambda route: route.fulfill(body=SWAPPING, content_type="text/html"))
    page.route("**/late/first/", lambda route: route.fulfill(body=FIRST, content_type="text/html"))
    page.route("**/late/second/", lambda route: route.fulfill(body="Done", content_type="text/html"))
    page.goto("/late/")

    page.click("text=First")
    page.click("text=Second")

    page.wait_for_selector("text=Done", timeout=HEARD_MS)


def middle_of(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

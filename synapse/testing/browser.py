"""Headless Chromium for tests: a signed-in page, and the question every page must pass.

Use it with `pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]` and the fixtures below:

    def test_the_people_page_is_clean(browse, omar):
        page = browse(omar, "/people/")
        assert_page_is_clean(page)

Without Chromium the tests skip; with REQUIRE_BROWSER=1 they fail instead.
"""

# pytest loads this before Django is set up: models are imported where they are used.
from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client

from synapse.testing import axe

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

    from synapse.accounts.models import User

# The shell is the same engine without the windows and their own pages, at a third of the work for each new context.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in BROWSERS if (path := shutil.which(name))), "")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium(django_db_setup: None) -> Iterator[Browser]:
    """Start one browser for the browser tests of a file: its event loop must not outlive them.

    The database is made first: beside a running loop Django hands out connections that nothing was patched into.
    """
    with launched() as browser:
        yield browser


def need_chromium() -> None:
    """Skip the test without Chromium, or fail it where REQUIRE_BROWSER=1 asks for one."""
    if CHROMIUM:
        return
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail("REQUIRE_BROWSER=1, but there is no chromium on the path")
    pytest.skip("no chromium on the path")


@contextmanager
def launched(*flags: str) -> Iterator[Browser]:
    """Run a browser of one's own with more flags, such as a fake microphone."""
    need_chromium()
    from playwright.sync_api import sync_playwright

    from synapse.testing.patience import make_actions_wait

    make_actions_wait()
    # Playwright's loop runs in this thread; Django would refuse the database there.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*CHROMIUM_ARGUMENTS, *flags])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def browse(chromium: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    """Return `browse(user, path, viewport=…, dark=…)`: a page opened as a person, or as nobody."""
    contexts: list[BrowserContext] = []

    def open_page(
        user: User | None, path: str, *, viewport: dict[str, int] = DESKTOP, dark: bool = False, **options: Any
    ) -> Page:
        context = chromium.new_context(
            base_url=live_server.url,
            viewport=viewport,  # type: ignore[arg-type]  # a plain dict is what it takes
            color_scheme="dark" if dark else "light",
            has_touch=viewport["width"] < 900,
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        if user is not None:
            cookie = {"name": settings.SESSION_COOKIE_NAME, "value": _session_of(user), "url": live_server.url}
            context.add_cookies([cookie])  # type: ignore[list-item]  # a plain dict is what it takes
        page = context.new_page()
        page.problems = watch(page)  # type: ignore[attr-defined]  # read by assert_page_is_clean
        page.asked = asked = []  # type: ignore[attr-defined]  # every address the page asked for
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def watch(page: Page) -> list[str]:
    """Collect everything the page complains about from now on: console, exceptions, failed requests."""
    problems: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            problems.append(f"console {message.type}: {message.text}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"exception: {error}"))

    def on_failure(request: Request) -> None:
        # Leaving a page ends its player's request, a download ends the page's own: the browser does both itself.
        if request.failure != "net::ERR_ABORTED":
            problems.append(f"failed: {request.url} {request.failure}")

    page.on("requestfailed", on_failure)
    return problems


def assert_page_is_clean(page: Page, *, allowed: tuple[str, ...] = ()) -> None:
    """Fail when the page logged anything, broke the CSP, scrolls sideways, or axe finds a barrier.

    `allowed` names parts of console messages that belong to the test itself, such as the 422 of a form with errors.
    """
    page.wait_for_load_state("load")
    page.evaluate("document.fonts.ready")
    problems = [problem for problem in page.problems if not any(part in problem for part in allowed)]  # type: ignore[attr-defined]
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if sideways > 0:
        problems.append(f"the page scrolls {sideways}px sideways")
    # What only a screen reader sees hangs below a pane that scrolls when the pane does not contain it.
    beyond = page.evaluate(
        "document.documentElement.scrollHeight"
        " - Math.max(innerHeight, Math.ceil(document.body.getBoundingClientRect().bottom + scrollY))"
    )
    # Django's admin gives its body the height of the window.
    if beyond > 1 and "/admin/" not in page.url:
        problems.append(f"the page scrolls {beyond}px past its end")
    problems += axe.barriers(page)
    assert not problems, f"{page.url}\n" + "\n".join(problems)


def _session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value

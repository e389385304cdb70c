"""Hands that wait: no test clicks, types or presses before the page's scripts have attached their listeners.

A page is on the screen before its deferred scripts ran, and what htmx swaps in comes alive a moment after it is shown. A
test that acts as soon as it sees a text would then lose its click on a slow machine, and wait for what never comes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

# True once every deferred script and module ran and htmx has made what it swapped in its own.
IS_READY = """() => document.readyState === "complete"
  && !document.querySelector(".htmx-swapping, .htmx-settling, .htmx-added")"""
LOOK_AGAIN_MS = 20
LOOKS_AT_A_PLACE = 200
# The one action that Playwright does not begin again by itself when the element is drawn anew under it.
GIVES_UP_WHEN_REDRAWN = "scroll_into_view_if_needed"
# What a page is expected to show may take this long on a busy machine; Playwright's own five seconds are too few.
EXPECTED_WITHIN_MS = 15_000

ON_ELEMENTS = (
    "check",
    "click",
    "dblclick",
    "dispatch_event",
    "fill",
    "focus",
    "hover",
    "press",
    "select_option",
    "set_checked",
    "set_input_files",
    "tap",
    "type",
    "uncheck",
)
# A drag that has begun is not held up: only what begins something waits.
WITH_THE_MOUSE = ("click", "dblclick", "down", "wheel")
WITH_THE_KEYBOARD = ("down", "insert_text", "press", "type")


@cache
def make_actions_wait() -> None:
    """Let every action through a Playwright page or locator wait until the page is ready for it."""
    from playwright.sync_api import Frame, Keyboard, Locator, Mouse, Page, expect

    expect.set_options(timeout=EXPECTED_WITHIN_MS)
    _patch(Page, (*ON_ELEMENTS, "drag_and_drop"), lambda page: page)
    _patch(Frame, (*ON_ELEMENTS, "drag_and_drop"), lambda frame: frame.page)
    _patch(
        Locator,
        (*ON_ELEMENTS, "clear", "drag_to", "press_sequentially", "scroll_into_view_if_needed"),
        lambda locator: locator.page,
    )
    Locator.bounding_box = _where_it_stays(Locator.bounding_box)  # type: ignore[method-assign]
    # Neither knows its page: the page tells them when it hands them out.
    for name, kind, actions in (("keyboard", Keyboard, WITH_THE_KEYBOARD), ("mouse", Mouse, WITH_THE_MOUSE)):
        setattr(Page, name, property(_introducing(getattr(Page, name).fget)))
        _patch(kind, actions, lambda device: device.page_it_acts_on)


def wait_until_ready(page: Page) -> None:
    """Wait until clicks and keys reach the scripts of the page."""
    page.wait_for_function(IS_READY, polling=LOOK_AGAIN_MS)


def _where_it_stays(measure: Callable[..., Any]) -> Callable[..., Any]:
    """Measure again until an element is twice in the same place: one that is being redrawn is nowhere for a moment."""

    @wraps(measure)
    def bounding_box(locator: Any, **options: Any) -> Any:
        before = None
        for _ in range(LOOKS_AT_A_PLACE):
            wait_until_ready(locator.page)
            box = measure(locator, **options)
            if box is not None and box == before:
                return box
            before = box
            locator.page.wait_for_timeout(LOOK_AGAIN_MS)
        return before

    return bounding_box


def _introducing(get: Callable[[Page], Any]) -> Callable[[Page], Any]:
    def device_of(page: Page) -> Any:
        device = get(page)
        device.page_it_acts_on = page
        return device

    return device_of


def _patch(kind: type, actions: tuple[str, ...], page_of: Callable[[Any], Page]) -> None:
    for name in actions:
        setattr(kind, name, _waiting(getattr(kind, name), page_of))


def _waiting(action: Callable[..., Any], page_of: Callable[[Any], Page]) -> Callable[..., Any]:
    from playwright.sync_api import Error, Frame, Locator, Page

    @wraps(action)
    def act(actor: Any, *arguments: Any, **options: Any) -> Any:
        # First the element, then the scripts: what is still to come is not ready because the page before it was.
        element = actor if isinstance(actor, Locator) else None
        if isinstance(actor, Page | Frame) and arguments:
            element = actor.locator(arguments[0])
        if element is not None:
            element.first.wait_for(state="attached", timeout=options.get("timeout"))
        wait_until_ready(page_of(actor))
        try:
            return action(actor, *arguments, **options)
        except Error as error:
            if action.__name__ != GIVES_UP_WHEN_REDRAWN or "not attached" not in error.message:
                raise
            return act(actor, *arguments, **options)

    return act

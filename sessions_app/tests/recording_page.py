"""What a test does on the recording page."""

import json
import re
import time


def press(page, action):
    page.click(f"[data-action={action}]:visible")


def view_is(page, view, seconds=20):
    """Wait for a state of the page; a failure says which one it was in."""
    give_up_at = time.monotonic() + seconds
    while (found := page.get_attribute("[data-session-page]", "data-view")) != view:
        assert time.monotonic() < give_up_at, (found, page.inner_text('[data-part="link"]'))
        page.wait_for_timeout(50)


def cut(page):
    """Break the page's line and let none through until `mend`."""
    page.evaluate("window.isCut = true; sockets.at(-1).close()")


def mend(page):
    page.evaluate("window.isCut = false; dispatchEvent(new Event('online'))")


def clock(page):
    minutes, seconds = page.inner_text('[data-part="clock"]').split(":")
    return int(minutes) * 60 + int(seconds)


def record_until(page, seconds):
    give_up_at = time.monotonic() + 60
    while clock(page) < seconds:
        assert time.monotonic() < give_up_at, page.inner_text('[data-part="label"]')
        time.sleep(0.1)


def finish(page):
    press(page, "finish")
    page.wait_for_url(re.compile("/transcript/"), timeout=90_000)
    return json.loads(page.evaluate("sessionStorage.getItem('finish')"))


def held_by_the_browser(page):
    return page.evaluate(
        """async () => {
          const open = indexedDB.open("synapse-capture");
          await new Promise((resolve) => (open.onsuccess = resolve));
          const all = (name) => new Promise((resolve) => {
            const request = open.result.transaction(name).objectStore(name).getAll();
            request.onsuccess = () => resolve(request.result);
          });
          return [await all("chunks"), await all("recordings"), await all("notes")].map((rows) => rows.length);
        }"""
    )

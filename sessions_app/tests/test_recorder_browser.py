"""The recorder in a real browser with a fake microphone: whatever happens on the way, the sums agree."""

import json
import zlib

import pytest

from sessions_app.tests.recording_page import (
    clock,
    everything_kept,
    finish,
    held_by_the_browser,
    press,
    record_until,
    view_is,
)
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
CANARY = "Quetzalcoatlus"


def test_a_cut_a_reload_and_a_killed_server_lose_no_byte(site, open_recording):
    page = open_recording()
    view_is(page, "ready")
    press(page, "start")
    view_is(page, "recording")
    record_until(page, 3)

    page.evaluate("sockets.at(-1).close()")
    record_until(page, 6)
    site.kill()
    view_is(page, "lost")
    page.goto("about:blank")  # the tab goes while the server is away: nothing of the last seconds was acknowledged
    site.start()
    page.goto(f"{site.url}/sessions/{page.session}/")
    view_is(page, "recording")
    after_reload = clock(page)
    record_until(page, after_reload + 3)
    site.kill()
    view_is(page, "lost")
    at_kill = clock(page)
    record_until(page, at_kill + 2)
    site.start()
    view_is(page, "recording", 40)
    record_until(page, at_kill + 5)
    said = finish(page)

    facts = site.facts(page.session)
    assert said["sha256"] == facts["sha256"] == facts["spool_sha256"]
    assert said["last_seq"] == facts["last_seq"]
    assert not facts["mismatch"]
    assert facts["status"] == "completed"
    # Only the time without a page is missing; it is named.
    assert len(facts["gaps"]) == 1
    assert held_by_the_browser(page) == [0, 0, 0]


def test_pauses_marks_and_notes_arrive_and_the_page_is_clean(site, open_recording):
    page = open_recording()
    press(page, "start")
    view_is(page, "recording")
    record_until(page, 2)
    page.keyboard.press("r")
    page.keyboard.press("p")
    view_is(page, "paused")
    paused_at = clock(page)
    page.fill("#notes", "Good eye contact")
    page.wait_for_selector('[data-notes-status]:text-matches("^Saved")')
    assert clock(page) == paused_at
    assert_page_is_clean(page)
    page.keyboard.press("Tab")
    press(page, "pause")
    view_is(page, "recording")
    record_until(page, paused_at + 2)
    assert "●" in page.title()
    said = finish(page)

    facts = site.facts(page.session)
    assert said["sha256"] == facts["spool_sha256"]
    assert [kind for kind, _ in facts["events"]] == ["risk", "pause", "resume"]
    assert facts["gaps"] == []
    assert facts["notes"] == "Good eye contact"


def hear(page, **frame):
    """Let the page take a frame as if the server had sent it."""
    page.evaluate(
        "data => sockets.at(-1).dispatchEvent(new MessageEvent('message', { data }))",
        json.dumps(frame),
    )


def spoken(*words, committed=0, final=False):
    """Return a segment frame of (text, confidence) words."""
    return {
        "type": "segment",
        "id": "1",
        "start_ms": 0,
        "end_ms": 900,
        "speaker": "unknown",
        "text": " ".join(text for text, _ in words),
        "confidence": 0.9,
        "final": final,
        "committed": committed,
        "words": [{"text": text, "confidence": confidence} for text, confidence in words],
    }


def test_words_arrive_in_place_and_a_page_without_a_place_says_so(open_recording):
    page = open_recording()
    press(page, "start")
    view_is(page, "recording")
    waiting = page.locator('[data-part="live-text"]')

    hear(page, type="live_text", state="waiting", limit=6)
    assert "6 sessions are being written live" in waiting.inner_text()
    hear(page, type="live_text", state="on", limit=6)
    assert waiting.is_hidden()

    line = page.locator('[data-segment="1"] p')
    hear(page, **spoken(("I", 0.9), ("take", 0.9), ("lethium", 0.3), committed=2))
    assert line.locator(".interim").all_inner_texts() == ["lethium"]
    assert line.locator(".lowc").count() == 0
    hear(page, **spoken(("I", 0.9), ("take", 0.9), ("lithium.", 0.4), committed=3, final=True))
    assert line.inner_text() == "I take lithium."
    assert line.locator(".lowc").all_inner_texts() == ["lithium."]
    assert line.locator(".interim, .caret").count() == 0
    assert page.locator("[data-segment]").count() == 1

    hear(page, type="live_text", state="waiting", limit=6)
    page.wait_for_function("document.querySelector('[data-part=live-text]').checkVisibility()")
    assert page.problems == []


def test_a_second_tab_does_not_disturb_the_first(site, open_recording):
    page = open_recording(PHONE)
    press(page, "start")
    view_is(page, "recording")
    record_until(page, 2)

    other = page.context.new_page()
    other.goto(f"{site.url}/sessions/{page.session}/")
    view_is(other, "tab")
    other.close()

    record_until(page, 4)
    view_is(page, "recording")
    assert_page_is_clean(page)
    said = finish(page)
    assert said["sha256"] == site.facts(page.session)["spool_sha256"]


def test_what_the_browser_keeps_is_encrypted_and_nothing_is_left_after_signing_out(site, open_recording):
    page = open_recording()
    press(page, "start")
    view_is(page, "recording")
    record_until(page, 1)
    page.context.set_offline(True)
    page.evaluate("sockets.at(-1).close()")
    page.fill("#notes", f"She said {CANARY}.")
    page.wait_for_selector('[data-notes-status]:has-text("Kept on this device")')
    record_until(page, 4)

    chunks, recordings, notes = held_by_the_browser(page)
    texts, binaries = everything_kept(page)
    page.evaluate("word => localStorage.setItem('planted', word)", CANARY)
    planted, _ = everything_kept(page)
    page.evaluate("localStorage.removeItem('planted')")
    key = page.evaluate(
        """async () => {
          const open = indexedDB.open("synapse-capture");
          await new Promise((resolve) => (open.onsuccess = resolve));
          const request = open.result.transaction("recordings").objectStore("recordings").getAll();
          await new Promise((resolve) => (request.onsuccess = resolve));
          const row = request.result[0];
          const refused = await crypto.subtle.exportKey("raw", row.key).then(() => false, () => true);
          return [row.key.extractable, refused];
        }"""
    )

    assert chunks > 5
    assert (recordings, notes) == (1, 1)
    assert key == [False, True]
    assert CANARY not in texts + str(binaries)
    assert CANARY in planted
    # A tone compresses to a fraction of itself, what is encrypted does not.
    sound = b"".join(one for one in binaries if len(one) > 1_000)
    assert len(zlib.compress(sound)) > 0.95 * len(sound) > 10_000

    page.context.set_offline(False)
    view_is(page, "recording")
    said = finish(page)
    facts = site.facts(page.session)
    assert (said["sha256"], facts["notes"]) == (facts["spool_sha256"], f"She said {CANARY}.")
    assert "Kavya" in page.content()
    page.locator("form[data-sign-out]").first.evaluate("form => form.requestSubmit()")
    page.wait_for_url("**/sign-in/**")
    page.go_back()
    page.wait_for_load_state("networkidle")
    left = page.content() + str(everything_kept(page))
    assert ("Kavya" in left, CANARY in left) == (False, False)

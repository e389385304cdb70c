"""The main faults with the real page in Chromium: what it captured is stored, or the gap is named to the second."""

import itertools
import os
import signal
import time
from pathlib import Path

import pytest

from sessions_app.tests.recording_page import clock, cut, finish, mend, press, record_until, view_is

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NO_DATABASE = "indexedDB.open = () => { throw new DOMException('private', 'InvalidStateError'); };"
FULL_WHEN_TOLD = """
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (...given) {
  if (window.isFull) throw new DOMException("full", "QuotaExceededError");
  return put.apply(this, given);
};
"""
LISTED_MICROPHONES = """
window.streams = [];
window.contexts = [];
const devices = navigator.mediaDevices;
const getUserMedia = devices.getUserMedia.bind(devices);
devices.getUserMedia = async (wanted) => {
  if (window.isUnplugged) throw new DOMException("gone", "NotFoundError");
  window.streams.push(await getUserMedia(wanted));
  return window.streams.at(-1);
};
const RealContext = window.AudioContext;
window.AudioContext = class extends RealContext {
  constructor(...given) { super(...given); window.contexts.push(this); }
};
"""
LATER = "if (sessionStorage.getItem('late')) { const now = Date.now; Date.now = () => now() + 600000; }"


def assert_same(site, page, said):
    facts = site.facts(page.session)
    assert said["sha256"] == facts["sha256"] == facts["spool_sha256"]
    assert not facts["mismatch"]
    return facts


def record(page, seconds):
    """Record for so long from where the clock is."""
    record_until(page, clock(page) + seconds)


def wall_of(page, call):
    """Return how long a call took on the wall, in ms."""
    started = time.monotonic()
    call()
    return (time.monotonic() - started) * 1000


def test_a_tab_closed_and_the_session_continued_later_names_the_time_between(site, open_recording):
    page = open_recording(script=LATER)
    press(page, "start")
    view_is(page, "recording")
    record(page, 3)

    page.evaluate("sessionStorage.setItem('late', '1')")
    page.reload()
    view_is(page, "left")
    assert "Continue this session" in page.inner_text("[data-action=start]:visible")
    press(page, "start")
    view_is(page, "recording")
    record(page, 2)

    facts = assert_same(site, page, finish(page))
    [(from_ms, to_ms, reason)] = facts["named"]
    assert reason == "away"
    assert 2_500 < from_ms < 8_000
    assert 600_000 < to_ms - from_ms < 620_000


def test_a_browser_without_room_goes_on_from_memory_and_says_so(site, open_recording):
    page = open_recording(script=FULL_WHEN_TOLD)
    press(page, "start")
    view_is(page, "recording")
    record(page, 1)

    page.evaluate("window.isFull = true")
    cut(page)
    page.wait_for_selector('[data-storage="full"]:visible')
    record(page, 3)
    page.evaluate("window.isFull = false")
    page.wait_for_selector('[data-storage="full"]', state="hidden")
    mend(page)
    view_is(page, "recording")

    assert assert_same(site, page, finish(page))["named"] == []


def test_what_was_only_in_memory_and_went_with_the_page_is_a_named_gap(site, open_recording):
    page = open_recording(script=FULL_WHEN_TOLD)
    press(page, "start")
    view_is(page, "recording")
    record(page, 1)
    cut(page)
    view_is(page, "lost")
    page.evaluate("window.isFull = true")
    record(page, 2)
    page.evaluate("window.isFull = false")
    record(page, 2)

    page.goto("about:blank")
    page.goto(f"{site.url}/sessions/{page.session}/")
    view_is(page, "recording")
    record(page, 1)
    said = finish(page)

    facts = site.facts(page.session)
    assert said["sha256"] is None
    assert said["last_seq"] == facts["last_seq"]
    in_memory = facts["named"][0]
    assert in_memory[1] - in_memory[0] == pytest.approx(2_000, abs=1_000)


def test_a_browser_that_keeps_nothing_records_from_memory_and_says_so(site, open_recording):
    page = open_recording(script=NO_DATABASE)
    press(page, "start")
    view_is(page, "recording")
    page.wait_for_selector('[data-storage="none"]:visible')
    record(page, 2)
    page.evaluate("sockets.at(-1).close()")
    record(page, 2)

    assert assert_same(site, page, finish(page))["named"] == []


def test_a_microphone_unplugged_and_another_one_is_named_and_a_call_gives_the_sound_back(
    site,
    open_recording,
):
    page = open_recording(script=LISTED_MICROPHONES)
    press(page, "start")
    view_is(page, "recording")
    record(page, 2)

    def unplugged():
        page.evaluate("""() => {
          window.isUnplugged = true;
          const [track] = streams.at(-1).getAudioTracks();
          track.stop();
          track.dispatchEvent(new Event("ended"));
        }""")
        view_is(page, "microphone")
        page.wait_for_timeout(2_000)
        page.evaluate("window.isUnplugged = false; navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
        view_is(page, "recording")

    away_ms = wall_of(page, unplugged)
    record(page, 1)
    page.evaluate("contexts.at(-1).suspend()")
    record(page, 2)
    assert page.evaluate("contexts.at(-1).state") == "running"

    facts = assert_same(site, page, finish(page))
    from_ms, to_ms, reason = facts["named"][0]
    assert reason == "microphone"
    assert to_ms - from_ms == pytest.approx(away_ms, abs=1_000)
    assert ["microphone", to_ms] in facts["events"]


def test_a_device_that_slept_names_it(site, open_recording):
    page = open_recording()
    press(page, "start")
    view_is(page, "recording")
    record(page, 3)

    slept_at_ms = clock(page) * 1000
    processes = chromium_processes()
    assert processes
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    time.sleep(6)
    for process in processes:
        os.kill(process, signal.SIGCONT)
    view_is(page, "recording")
    record_until(page, slept_at_ms // 1000 + 9)

    facts = assert_same(site, page, finish(page))
    [(from_ms, to_ms, reason)] = facts["named"]
    assert reason == "asleep"
    assert from_ms == pytest.approx(slept_at_ms, abs=2_000)
    assert to_ms - from_ms == pytest.approx(6_000, abs=1_000)


def chromium_processes():
    """Return the ids of the browser this process started, its children and theirs."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    family, found = {os.getpid()}, set()
    while fresh := {child for child, parent in parents.items() if parent in family} - family:
        family |= fresh
    for child in family - {os.getpid()}:
        if b"chrom" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0]:
            found.add(child)
    return found


HEARD = """async ([url, rate]) => {
  let Worklet;
  globalThis.AudioWorkletProcessor = class { port = { postMessage: (message) => message.pcm && chunks.push(message.pcm) }; };
  globalThis.registerProcessor = (_, found) => (Worklet = found);
  globalThis.sampleRate = rate;
  const chunks = [];
  await import(`${url}?rate=${rate}`);
  const worklet = new Worklet();
  for (let start = 0; start < 2 * rate; start += 128) {
    worklet.process([[Float32Array.from({ length: 128 }, (_, n) => 0.5 * Math.sin((2 * Math.PI * 400 * (start + n)) / rate))]]);
  }
  return chunks.flatMap((pcm) => [...new Int16Array(pcm)]);
}"""


def test_sound_of_any_rate_comes_out_as_16_khz(open_recording):
    page = open_recording()
    url = page.get_attribute("[data-session-page]", "data-worklet-url")

    for rate in (8_000, 16_000, 44_100, 48_000):
        heard = page.evaluate(HEARD, [url, rate])

        middle = heard[1_600:30_400]
        crossings = sum(1 for before, after in itertools.pairwise(middle) if (before < 0) != (after < 0))
        assert len(heard) == pytest.approx(32_000, abs=3_200), rate
        assert crossings == pytest.approx(2 * 400 * len(middle) / 16_000, abs=2), rate
        assert max(middle) == pytest.approx(0.5 * 32_767, rel=0.02), rate

"""A server of its own and a Chromium that hears a file, for the tests of the recording page."""

import math
import struct
import wave

import pytest

from sessions_app.tests.live_site import LiveSite
from synapse.testing.browser import DESKTOP, launched, watch

# Sees every socket of the page, lets none through while `isCut`, and keeps what was said at the end over the page's own.
SPY = """
window.sockets = [];
const Real = window.WebSocket;
window.WebSocket = class extends Real {
  constructor(url) { super(window.isCut ? `${url}nowhere/` : url); window.sockets.push(this); }
  send(data) {
    if (typeof data === "string" && data.includes('"finish"')) sessionStorage.setItem("finish", data);
    super.send(data);
  }
};
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = LiveSite(tmp_path_factory.mktemp("site"))
    site.start()
    yield site
    if site.process is not None:
        site.terminate()


@pytest.fixture(scope="module")
def recordings(site):
    return iter(site.new_recordings(*(f"doctor{number}" for number in range(8))))


@pytest.fixture(scope="module")
def chromium_with_microphone(tmp_path_factory):
    """Chromium that hears a file: bursts of a tone, as loud as speech."""
    path = tmp_path_factory.mktemp("sound") / "bursts.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        values = (9_000 * math.sin(n / 9) * (math.sin(n / 4_000) > -0.3) for n in range(16_000 * 30))
        sound.writeframes(b"".join(struct.pack("<h", int(value)) for value in values))
    flags = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={path}",
    ]
    with launched(*flags) as browser:
        yield browser


@pytest.fixture
def open_recording(site, recordings, chromium_with_microphone):
    contexts = []

    def open_page(viewport=DESKTOP, script=""):
        made = next(recordings)
        context = chromium_with_microphone.new_context(
            viewport=viewport, permissions=["microphone"], reduced_motion="reduce"
        )
        contexts.append(context)
        context.add_cookies([{"name": "sessionid", "value": made["cookie"], "url": site.url}])
        context.add_init_script(SPY + script)
        page = context.new_page()
        page.problems = watch(page)
        page.on("dialog", lambda dialog: dialog.accept())
        page.session = made["session"]
        page.goto(f"{site.url}/sessions/{made['session']}/")
        return page

    yield open_page
    for context in contexts:
        context.close()

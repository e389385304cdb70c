"""What clients are told of the live socket is what the code does."""

import inspect
import re

import pytest
from django.conf import settings

from sessions_app import consumers
from sessions_app.capture import live
from sessions_app.capture import recorder as capture
from sessions_app.speech import live_text

PAGES = {
    "for people": settings.BASE_DIR / "sessions_app" / "PROTOCOL.md",
    "in the app": settings.BASE_DIR / "templates" / "api" / "_audio.html",
}


def text_of(name):
    return PAGES[name].read_text().replace("&quot;", '"')


def frame_types():
    """Return the type of every frame the code reads or sends."""
    sources = "".join(map(inspect.getsource, (live, consumers, capture, live_text)))
    sent = re.findall(r'"type": "(\w+)"', sources)
    read = re.findall(r'kind == "(\w+)"', inspect.getsource(live))
    return {*sent, *read, "pause", "resume", "mark"}


def test_the_types_are_found():
    assert {"hello", "ready", "ack", "segment", "finish", "finished", "missing", "error", "state"} <= frame_types()


@pytest.mark.parametrize("name", PAGES)
def test_every_frame_is_told_and_no_other(name):
    told = set(re.findall(r'"type":"([^"}]+)"', text_of(name).replace('"\\|"', "|").replace("\\|", "|")))
    assert {one for types in told for one in types.split("|")} == frame_types()


@pytest.mark.parametrize("name", PAGES)
def test_every_close_code_is_told_and_no_other(name):
    told = re.findall(r'^\| (\d{4}) \||class="mono">(\d{4})<', text_of(name), re.MULTILINE)
    assert {int(one or other) for one, other in told} == {int(code) for code in live.Close}


@pytest.mark.parametrize("name", PAGES)
def test_every_kind_and_reason_is_told(name):
    text = text_of(name)
    assert all(word in text for word in live.MARK_KINDS | live.GAP_REASONS)

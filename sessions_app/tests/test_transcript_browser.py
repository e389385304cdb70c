"""The transcript editor in a browser: no barrier, and every correction by keyboard, kept whatever happens to the page."""

import pytest
from django.utils import timezone

from sessions_app import services
from sessions_app.models import Transcription
from sessions_app.recordings import audio
from sessions_app.tests.factories import make_session, record_audio, segment_of
from sessions_app.transcripts import corrections
from sessions_app.transcripts import services as transcripts
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The page has no socket here, and a player that is closed ends its download.
ALLOWED = ("WebSocket", "ERR_ABORTED")
LINES = [
    ("doctor", 0, 600, "How has your sleep been since we last met?"),
    ("patient", 600, 1_400, "A bit better. I still wake up around four most nights."),
    ("doctor", 1_400, 1_900, "Any side effects from the sertraline?"),
    ("patient", 1_900, 2_500, "Some nausea at first. I take fifteen milligrams in the morning."),
]


@pytest.fixture
def heard(asha):
    """A completed session: a doubtful word, an unknown voice, and a dose the live pass heard differently."""
    now = timezone.now()
    session = make_session(asha)
    record_audio(session)
    services.add_mark(session, kind="risk", cid="m", clock_ms=2_000, by=asha, at=now)
    row = transcripts.open_live(session)
    live = segment_of("unknown", 1_900, 2_500, "Some nausea at first. I take fifty milligrams in the morning.")
    transcripts.append_live_segments(row, [{**live, "id": 1}], offset_ms=2_500, at=now)
    services.complete_session(session, by=asha, at=now)
    transcripts.start_processing(row, at=now)
    lines = [segment_of(*line, doubtful="nausea") for line in LINES]
    lines.append(segment_of("unknown", 2_600, 2_900, "Mm-hm, I see."))
    transcripts.store_result(
        row,
        segments=lines,
        service="embedded",
        model="tiny.en",
        language="en-US",
        confidence=0.94,
        processing_seconds=1,
        at=now,
    )
    audio.archive(session, at=now)
    return session


def words_of(session):
    row = Transcription.objects.get(session=session)
    return [segment["text"] for segment in row.segments]


def saved(page, revision):
    page.wait_for_selector(f"#words[data-revision='{revision}']")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
@pytest.mark.parametrize("dark", [False, True])
def test_the_transcript_page_is_clean(browse, asha, heard, viewport, dark):
    row = corrections.swap_speakers(heard.transcriptions.get(), by=asha, at=timezone.now())
    first = row.segments[0]["id"]
    corrections.correct_segments(row, [{"id": first, "text": "How was your sleep?"}], by=asha, at=timezone.now())
    page = browse(asha, f"/sessions/{heard.pk}/transcript/", viewport=viewport, dark=dark)
    page.click(".was summary >> nth=0")

    assert_page_is_clean(page, allowed=ALLOWED)
    page.click(".spk >> nth=1")
    assert_page_is_clean(page, allowed=ALLOWED)
    page.keyboard.press("Escape")
    if viewport == DESKTOP:  # on a phone the bar lies over the lines, and half a button under it is too small for axe
        page.click("[data-find-open]")
        assert_page_is_clean(page, allowed=ALLOWED)
        page.click("[data-find-close]")
    page.click("[data-edit-line] >> nth=0", force=True)
    page.wait_for_selector(".line-form")
    assert_page_is_clean(page, allowed=ALLOWED)
    page.goto(f"/sessions/{heard.pk}/transcript/changes/")
    assert_page_is_clean(page, allowed=ALLOWED)


def test_a_whole_correction_needs_no_mouse(browse, asha, heard):
    page = browse(asha, f"/sessions/{heard.pk}/transcript/")
    press = page.keyboard.press

    press("j")
    press("j")
    press("Enter")
    press("End")
    page.keyboard.type(" Truly.")
    press("Control+Enter")
    saved(page, 1)
    assert words_of(heard)[1].endswith("most nights. Truly.")

    press("Enter")
    press("Home")
    for _ in range(3):
        press("Control+ArrowRight")
    press("Enter")
    saved(page, 2)
    page.wait_for_selector(".line-form")
    assert words_of(heard)[1:3] == ["A bit better.", "I still wake up around four most nights. Truly."]
    press("Backspace")
    saved(page, 3)
    page.wait_for_selector(".line-form")
    assert words_of(heard)[1] == "A bit better. I still wake up around four most nights. Truly."
    press("Escape")
    page.wait_for_selector(".line-form", state="detached")

    press("3")
    saved(page, 4)
    page.wait_for_selector(".turn.unk:has-text('A bit better')")
    press("Control+z")
    saved(page, 5)
    press("Control+z")
    saved(page, 6)
    press("Control+Shift+z")
    saved(page, 7)
    assert words_of(heard)[1] == "A bit better. I still wake up around four most nights. Truly."

    press("f")
    page.keyboard.type("sertraline")
    page.wait_for_selector("[data-find-count]:text('1 of 1')")
    page.fill("[data-find-bar] [name=replacement]", "Zoloft")
    page.press("[data-find-replace=all]", "Enter")
    saved(page, 8)
    page.press("[data-find-bar] [name=wanted]", "Escape")
    assert words_of(heard)[2] == "Any side effects from the Zoloft?"

    page.focus("[data-choose=live]")
    press("1")
    saved(page, 9)
    page.wait_for_selector(".two", state="detached")
    assert words_of(heard)[3] == "Some nausea at first. I take fifty milligrams in the morning."
    assert_page_is_clean(page, allowed=ALLOWED)


def test_words_are_heard_confirmed_and_put_back(browse, asha, heard):
    second = heard.transcriptions.get().segments[1]["id"]
    page = browse(asha, f"/sessions/{heard.pk}/transcript/#line-{second}")
    page.wait_for_selector(f"#line-{second}:focus")
    page.click(".turn >> nth=1 >> [data-text]", position={"x": 60, "y": 12})
    page.wait_for_selector(".txp.is-playing")
    page.wait_for_selector(".turn.playing .spoken")
    page.click("[data-speed='1.5']")
    page.wait_for_selector("[data-speed='1.5'][aria-pressed=true]")

    page.click("[data-confirm]")
    saved(page, 1)
    assert page.locator(".wd:not(.fixed)").count() == 0
    page.dblclick(".turn >> nth=0 >> [data-text]")
    page.fill(".line-form textarea", "How did you sleep?")
    saved(page, 2)  # while the line is still open
    page.keyboard.type(" Well?")
    page.click("[data-undo]")  # the line is left, saved, and what was typed in one go is taken back
    saved(page, 4)
    page.wait_for_selector(".line-form", state="detached")
    assert words_of(heard)[0] == LINES[0][3]
    page.click("[data-redo]")
    saved(page, 5)
    assert words_of(heard)[0] == "How did you sleep? Well?"
    page.click("[data-restore-line]")
    saved(page, 6)

    assert words_of(heard)[0] == LINES[0][3]


def test_a_line_changed_in_two_windows_shows_both(browse, asha, heard):
    page = browse(asha, f"/sessions/{heard.pk}/transcript/")
    row = heard.transcriptions.get()
    first = row.segments[0]["id"]
    page.dblclick(".turn >> nth=0 >> [data-text]")
    corrections.correct_segments(row, [{"id": first, "text": "From the other window."}], by=asha, at=timezone.now())

    page.fill(".line-form textarea", "From here.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-line-theirs]:text('From the other window.')")
    assert words_of(heard)[0] == "From the other window."
    page.click("[data-line-keep=mine]")
    saved(page, 2)

    assert words_of(heard)[0] == "From here."


def test_what_was_typed_without_a_connection_is_there_after_a_reload(browse, asha, heard):
    page = browse(asha, f"/sessions/{heard.pk}/transcript/")
    page.dblclick(".turn >> nth=0 >> [data-text]")
    page.route("**/transcript/*/", lambda route: route.abort())
    page.fill(".line-form textarea", "Typed without a connection.")
    page.wait_for_selector("[data-line-state]:text('Kept on this device')")
    page.unroute("**/transcript/*/")
    page.on("dialog", lambda dialog: dialog.accept())

    page.reload()
    saved(page, 1)

    assert words_of(heard)[0] == "Typed without a connection."

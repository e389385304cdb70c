"""Upload in a real browser: a cut and a reload, and the sums agree all the same."""

import hashlib

import pytest

from sessions_app import stt
from sessions_app.models import AudioUpload
from sessions_app.tests import files
from sessions_app.tests.factories import make_session
from sessions_app.tests.speech_jobs import Engine, run_jobs
from sessions_app.tests.uploading import begin, finish, send
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

# What the browser itself says of a request that the test cut off.
ALLOWED = ("ERR_FAILED", "ERR_INTERNET_DISCONNECTED", "net::")


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: Engine())


@pytest.fixture
def session(asha):
    return make_session(asha, status="completed", with_recording=False)


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, False), (PHONE, True)])
def test_the_page_is_clean_with_consent_and_something_on_its_way(browse, asha, session, viewport, dark):
    content = files.sound_file("stereo wav")
    send(begin(session, content), content, end=300_000)

    page = browse(asha, f"/sessions/{session.pk}/upload/", viewport=viewport, dark=dark)

    assert_page_is_clean(page)


def test_the_page_without_consent_and_the_one_that_reads_are_clean(browse, asha, session):
    without = make_session(asha, consent=False, with_recording=False)
    assert_page_is_clean(browse(asha, f"/sessions/{without.pk}/upload/", viewport=PHONE))

    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content)
    finish(upload, content)
    assert_page_is_clean(browse(asha, f"/sessions/{session.pk}/upload/"))


def test_an_upload_survives_a_cut_and_a_reload_and_goes_on_where_it_was(browse, asha, session, tmp_path):
    path = tmp_path / "call of a patient.wav"
    path.write_bytes(files.sound_file("stereo wav", 24))  # three parts
    page = browse(asha, f"/sessions/{session.pk}/upload/")
    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/parts/?offset=0", lambda route: route.continue_())
    page.route(lambda url: "/parts/?offset=" in url and not url.endswith("offset=0"), lambda route: route.abort())

    page.set_input_files("[data-file]", path)
    page.wait_for_selector("[data-trouble]:has-text('does not answer')")
    page.goto(page.url)  # before the line is mended: the page left behind must not slip another part through
    page.unroute_all(behavior="ignoreErrors")
    assert "2.0 MB of 4.4 MB arrived" in page.inner_text("[data-arriving]").replace("\xa0", " ")
    page.asked.clear()
    with page.expect_request("**/finish/", timeout=60_000) as finished:
        page.set_input_files("[data-file]", path)
    page.wait_for_selector("#upload-state", timeout=60_000)
    sent = [url for url in page.asked if "/parts/" in url]
    run_jobs()
    page.wait_for_selector(".turn:has-text('I slept badly')", timeout=60_000)

    assert [url.split("offset=")[1] for url in sent] == ["2097152", "4194304"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() in finished.value.post_data
    upload = AudioUpload.objects.get()
    assert (upload.status, upload.total_bytes) == ("stored", path.stat().st_size)
    assert_page_is_clean(page, allowed=ALLOWED)


def test_what_is_no_recording_is_refused_with_a_sentence(browse, asha, session, tmp_path):
    path = tmp_path / "letter.wav"
    path.write_text("Dear colleague, " * 50)
    page = browse(asha, f"/sessions/{session.pk}/upload/")

    page.set_input_files("[data-file]", path)
    page.wait_for_selector("[data-problem]:has-text('This is no sound file we can read')")

    assert_page_is_clean(page, allowed=("415",))

"""The whole consultation in a real browser against the real processes: from the patient's registration to the bill.

The microphone is a recording the repository ships. Everything runs as `make run` runs it: web, worker and speech.
"""

import json
import wave
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from sessions_app.stt import media
from sessions_app.tests.live_site import LiveSite
from synapse.demo.recorder import RECORDINGS
from synapse.testing.browser import CHROMIUM, CHROMIUM_ARGUMENTS, DESKTOP, watch
from synapse.testing.plugin import PASSWORD
from synapse.testing.word_errors import word_errors

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

RECORDING = "sleep_and_sertraline"
HIGHEST_WORD_ERROR_RATE = 0.10
WRONG_DOSE = "She takes sertraline 100 mg in the morning."
PEOPLE = """
make_user("asha", Role.DOCTOR, "Asha", "Rao")
make_user("rita", Role.RECEPTIONIST, "Rita", "Mehta")
"""


@pytest.fixture
def site(tmp_path):
    site = LiveSite(tmp_path, command="up")
    site.run(PEOPLE)
    site.start()
    yield site
    site.terminate()


@pytest.fixture
def microphone(tmp_path):
    """The shipped recording as the file Chromium's fake microphone reads."""
    path = tmp_path / "microphone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"".join(media.read_pcm(RECORDINGS / f"{RECORDING}.ogg")))
    return path


@pytest.fixture
def page(site, microphone, chromium):
    arguments = [
        *CHROMIUM_ARGUMENTS,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    ]
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=arguments)
    page = browser.new_context(base_url=site.url, viewport=DESKTOP, accept_downloads=True).new_page()
    page.set_default_timeout(15_000)
    page.problems = watch(page)
    yield page
    browser.close()


def said() -> str:
    turns = json.loads((RECORDINGS / f"{RECORDING}.json").read_text())["turns"]
    return " ".join(turn["text"] for turn in turns)


def seconds_of(microphone: Path) -> float:
    with wave.open(str(microphone)) as file:
        return file.getnframes() / file.getframerate()


def sign_in(page: Page) -> None:
    page.goto("/")
    page.get_by_label("E-mail or user name").fill("asha")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("navigation", name="Main").first).to_be_visible()


def register_patient(page: Page) -> None:
    """Register a patient who agrees to be recorded."""
    page.goto("/patients/new/")
    for name, value in {
        "first_name": "Kavya",
        "last_name": "Iyer",
        "date_of_birth_day": "2",
        "date_of_birth_month": "5",
        "date_of_birth_year": "1991",
        "phone_primary": "98200 41733",
    }.items():
        page.locator(f"[name={name}]").fill(value)
    page.locator("[name=gender]").select_option("female")
    page.locator("[name=recording][value=verbal]").check()
    page.get_by_role("button", name="Save patient").click()
    expect(page.get_by_role("heading", level=1, name="Kavya Iyer")).to_be_visible()


def book_and_confirm(page: Page) -> None:
    """Book a visit at the last free time of today, or of tomorrow when it is late, and confirm it."""
    page.get_by_role("link", name="Book").first.click()
    free = page.locator("#free-times button")
    expect(page.locator("#free-times")).not_to_be_empty()
    if not free.count():
        day = page.locator("[name=day]")
        day.fill((date.fromisoformat(day.input_value()) + timedelta(days=1)).isoformat())
        day.dispatch_event("change")
    free.last.click()
    page.get_by_role("button", name="Book", exact=True).click()
    open_visit(page)
    page.get_by_role("button", name="Confirm").click()
    open_visit(page)
    expect(page.get_by_text("Confirmed").first).to_be_visible()


def open_visit(page: Page) -> None:
    page.get_by_role("link", name="K. Iyer").first.click()
    expect(page.get_by_role("button", name="Start session")).to_be_visible()


def live_words(page: Page) -> str:
    return " ".join(page.locator("[data-segment] p").all_inner_texts())


def test_a_consultation_from_registration_to_the_paid_bill(page, microphone):
    sign_in(page)
    register_patient(page)
    book_and_confirm(page)

    page.get_by_role("button", name="Start session").click()
    page.locator("[data-action=start]:visible").first.click()

    # Words appear while the recording plays, and the clock runs.
    expect(page.locator("[data-part=label]").first).to_contain_text("Recording")
    expect(page.locator("[data-segment]").first).to_be_visible(timeout=20_000)
    page.locator("#notes").fill("Affect brighter than in September.")
    page.wait_for_timeout((seconds_of(microphone) - 12) * 1000)
    assert "sleep" in live_words(page).lower()
    assert "nausea" in live_words(page).lower()
    page.wait_for_timeout(14_000)
    page.locator("[data-action=finish]:visible").first.click()

    # A draft from the live words stands at once; it becomes final with the transcript of the batch pass.
    page.locator("[data-review]").wait_for(timeout=30_000)
    assert page.locator(".claim").count() >= 4
    expect(page.locator("#provisional")).to_have_count(0, timeout=60_000)
    page.get_by_role("link", name="Correct").click()
    page.wait_for_url("**/transcript/**")
    expect(page.get_by_role("link", name="Go to the report")).to_be_visible(timeout=60_000)
    heard = " ".join(page.locator("[data-segment] .said-line > p:first-child").all_inner_texts())
    assert word_errors(said(), heard).rate <= HIGHEST_WORD_ERROR_RATE

    # The report cites what was said.
    page.get_by_role("link", name="Go to the report").click()
    page.locator("[data-review]").wait_for(timeout=60_000)
    report_address = page.url
    assert page.locator(".claim").count() >= 6
    assert page.locator("button.ev").count() >= 6
    page.locator("button.ev").first.click()
    expect(page.locator("[data-turn] mark.on").first).to_be_visible()
    expect(page.locator("[data-player].is-playing")).to_be_visible()

    # A line that nothing supports blocks signing.
    section = page.locator("section[data-section]").filter(has=page.locator("button.ev")).first
    section.locator("[data-edit]").click()
    page.locator(".sect-form textarea").first.fill(WRONG_DOSE)
    page.locator(".sect-form").get_by_role("button", name="Done").click()
    expect(page.locator(".claim.unsup").filter(has_text=WRONG_DOSE)).to_be_visible()
    page.locator("[data-sign]").first.click()
    expect(page.get_by_role("dialog").get_by_text("Before you can sign")).to_be_visible()
    page.get_by_role("button", name="Go on reviewing").click()
    page.get_by_role("button", name="Remove line").first.click()
    expect(page.locator(".claim.unsup").filter(has_text=WRONG_DOSE)).to_have_count(0)
    while page.get_by_role("button", name="Keep, I confirm it").count():
        with page.expect_response(lambda answer: "/lines/" in answer.url):
            page.get_by_role("button", name="Keep, I confirm it").first.click()
    fill_required_sections(page)
    decide_risk(page)
    page.goto(report_address)
    page.locator("[data-sign]").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=password]").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign and seal").click()
    expect(page.get_by_text("Signed").first).to_be_visible()

    # The exported document says what was signed.
    page.get_by_role("button", name="Export").first.click()
    with page.expect_download() as download:
        page.locator("#export-menu").get_by_text("PDF").click()
    text = " ".join(one.extract_text() for one in PdfReader(download.value.path()).pages)
    assert "Kavya" in text
    assert "Rao" in text
    assert WRONG_DOSE not in text
    assert "SHA-256" in text
    assert "Kavya" not in download.value.suggested_filename

    # The bill was drafted when the session was completed.
    page.goto("/bills/?show=draft")
    page.locator("main tbody a.lnk").first.click()
    expect(page.get_by_role("heading", level=1, name="Draft bill")).to_be_visible()
    page.get_by_role("link", name="Record payment").click()
    page.get_by_role("button", name="Record payment").click()
    expect(page.get_by_text("Paid").first).to_be_visible()
    assert page.problems == []


def fill_required_sections(page: Page) -> None:
    """Write into every required section that the engine left empty."""
    for section_id in page.locator("section[data-section]:has([title='Required before signing'])").evaluate_all(
        "sections => sections.filter(one => !one.querySelector('.claim')).map(one => one.dataset.section)"
    ):
        page.locator(f"#section-{section_id} [data-edit]").click()
        page.locator(".sect-form").locator("textarea, input[type=text]").last.fill("Not assessed this session.")
        page.locator(".sect-form").get_by_role("button", name="Done").click()
        expect(page.locator(f"#section-{section_id}").get_by_text("Not assessed this session.").first).to_be_visible()


def decide_risk(page: Page) -> None:
    """Say of every statement about risk what it means."""
    undecided = page.locator("#risk form:not(.risk-all)").filter(has_not=page.locator("[aria-pressed=true]"))
    while undecided.count():
        with page.expect_response(lambda answer: "/risk/" in answer.url):
            undecided.first.locator("[name=disposition]").first.click()
        page.wait_for_load_state("networkidle")

"""A change by another process appears in an open calendar by the socket, and a deactivated person's page goes."""

import re

import pytest

from sessions_app.tests.live_site import LiveSite
from synapse.testing.browser import launched, need_chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PEOPLE = """
from synapse.accounts.models import ClinicSettings
make_user("asha", Role.DOCTOR, "Asha", "Rao")
rita = make_user("rita", Role.RECEPTIONIST, "Rita", "Mehta")
client = Client()
client.force_login(rita)
answer = client.cookies["sessionid"].value
"""
BOOK = """
from datetime import timedelta
from scheduling.tests.factories import make_appointment
make_appointment(User.objects.get(username="asha"), scheduled_at=timezone.now() + timedelta(minutes=5))
"""
DEACTIVATE = """
User.objects.filter(username="rita").update(is_active=False)
"""


@pytest.fixture
def site(tmp_path):
    need_chromium()
    site = LiveSite(tmp_path / "site")
    site.start()
    yield site
    site.terminate()


def test_a_booking_of_another_process_appears_and_a_deactivated_person_is_shown_out(site):
    cookie = {"name": "sessionid", "value": site.run(PEOPLE), "url": site.url}
    with launched() as browser:
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.context.add_cookies([cookie])
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        with page.expect_websocket() as opened:
            page.goto(f"{site.url}/calendar/?view=agenda")
        said = []
        opened.value.on("framereceived", lambda frame: said.append(frame))

        site.run(BOOK)
        page.get_by_role("link", name="Kavya Iyer").wait_for(timeout=20_000)
        assert not [url for url in asked if "/revision/" in url]
        assert all(re.fullmatch(r'\{"revision": \d+\}', frame) for frame in said)

        site.run(DEACTIVATE)
        page.wait_for_url("**/sign-in/**", timeout=20_000)

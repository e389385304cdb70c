"""The draft beside a running recording: it fills, it costs little, and only its doctors see it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from reports.pages import live_draft
from reports.tests.factories import CONSULTATION
from reports.tests.test_refreshing import hear_live, make_provisional
from sessions_app.tests.factories import make_session, segment_of
from sessions_app.transcripts import services as transcripts

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def fresh():
    live_draft._kept.clear()


@pytest.fixture
def session(asha):
    session = make_session(asha)
    hear_live(session, CONSULTATION[:6])
    return session


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def hear_more(session, text):
    row = transcripts.open_live(session)
    segment = {**segment_of("patient", 60_000, 63_000, text), "id": row.next_segment_id}
    transcripts.append_live_segments(row, [segment], offset_ms=63_000, at=timezone.now())


def written(draft):
    return " ".join(line.text for section in draft.sections for line in section.lines)


def test_sections_fill_while_the_session_runs(session):
    draft = live_draft.live_draft(session, seen=0)

    assert "nausea" in written(draft)
    assert draft.empty_titles
    assert any(line.time for section in draft.filled for line in section.lines)


def test_a_page_that_shows_the_newest_words_gets_nothing_and_nothing_is_written(session, monkeypatch):
    seen = live_draft.live_draft(session, seen=0).seen
    monkeypatch.setattr(live_draft, "_write", None)

    assert live_draft.live_draft(session, seen=seen) is None
    assert live_draft.live_draft(session, seen=0).seen == seen


def test_it_is_written_again_only_at_its_own_pace(session):
    clock = Clock()
    first = live_draft.live_draft(session, seen=0, clock=clock)
    hear_more(session, "I also drink two glasses of wine every evening.")

    assert live_draft.live_draft(session, seen=first.seen, clock=clock) is None

    clock.now += 600
    assert "wine" in written(live_draft.live_draft(session, seen=first.seen, clock=clock))


def test_while_another_recording_is_being_written_the_page_keeps_what_it_has(session):
    with live_draft._writing:
        assert live_draft.live_draft(session, seen=0) is None


def test_the_panel_comes_as_a_fragment_and_rests_when_nothing_is_new(asha, signed_in, session):
    client = signed_in(asha)
    address = reverse("reports:while_recording", args=[session.pk])

    response = client.get(address, headers=HTMX)
    page = response.content.decode()

    assert response.status_code == 200
    assert "nausea" in page
    seen = page.split("?seen=")[1].split('"')[0]
    assert client.get(f"{address}?seen={seen}", headers=HTMX).status_code == 204
    assert client.get(f"{address}?seen=nonsense", headers=HTMX).status_code == 200


def test_a_figure_nobody_shows_is_as_none(asha, signed_in, session):
    address = reverse("reports:while_recording", args=[session.pk])

    assert signed_in(asha).get(address, {"seen": "9" * 5000}, headers=HTMX).status_code == 200


def test_only_the_sessions_doctors_see_it(ben, rita, signed_in, session):
    address = reverse("reports:while_recording", args=[session.pk])

    assert signed_in(ben).get(address).status_code == 404
    assert signed_in(rita).get(address).status_code == 403
    assert signed_in(ben).post(address).status_code == 405


def test_the_recording_page_has_the_panel(asha, signed_in, session):
    page = signed_in(asha).get(reverse("sessions:detail", args=[session.pk])).content.decode()

    assert reverse("reports:while_recording", args=[session.pk]) in page


def test_a_draft_from_live_words_says_so_and_tells_when_it_is_final(asha, ben, signed_in):
    report = make_provisional(asha)
    client = signed_in(asha)
    address = reverse("reports:provisional", args=[report.pk])

    assert "Written from the live words" in client.get(reverse("reports:detail", args=[report.pk])).content.decode()
    assert client.get(address, headers=HTMX).status_code == 204
    assert signed_in(ben).get(address, headers=HTMX).status_code == 404
    type(report).objects.filter(pk=report.pk).update(is_provisional=False)
    assert "The final transcript is in" in signed_in(asha).get(address, headers=HTMX).content.decode()

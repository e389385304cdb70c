from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.urls import reverse

from synapse.accounts.models import User
from synapse.accounts.roles import Role
from synapse.web import counts, nav

NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)


def request_of(role, path="/settings/"):
    request = RequestFactory().get(path)
    request.user = User(role=role)
    return request


def counted_link(request):
    return next(link for link in nav.links_for(request) if link.counted)


@pytest.fixture(autouse=True)
def clean_hooks(monkeypatch):
    monkeypatch.setattr(nav, "_counters", {})
    monkeypatch.setattr(nav, "_live_session_finder", [])


@pytest.mark.parametrize("entry", [*nav.ENTRIES, *nav.TAB_ACTIONS], ids=lambda entry: entry.label)
def test_every_entry_leads_somewhere(entry):
    assert reverse(entry.route)


def test_each_role_sees_its_places():
    def labels(role):
        return [link.label for link in nav.links_for(request_of(role))]

    assert labels(Role.DOCTOR) == [
        "Today",
        "Calendar",
        "Patients",
        "Worklist",
        "Consents",
        "Waiting list",
        "Sessions",
        "Reports",
        "Billing",
        "Numbers",
        "Templates",
        "Settings",
    ]
    assert labels(Role.RECEPTIONIST) == [
        "Front desk",
        "Calendar",
        "Patients",
        "Worklist",
        "Consents",
        "Waiting list",
        "Billing",
        "Numbers",
        "Import",
        "Settings",
    ]
    assert "People" in labels(Role.ADMIN)
    assert "Templates" not in labels(Role.ADMIN)


def test_strangers_see_nothing():
    request = RequestFactory().get("/")
    request.user = AnonymousUser()

    assert nav.links_for(request) == []
    assert nav.live_session_of(request) is None


def test_only_the_nearest_place_is_current():
    links = nav.links_for(request_of(Role.ADMIN, "/settings/clinic/"))

    assert [link.label for link in links if link.is_current] == ["Clinic"]


def test_a_phone_shows_three_places_and_the_one_action():
    request = request_of(Role.RECEPTIONIST)

    assert [link.label for link in nav.tab_links_for(request)] == ["Front desk", "Calendar", "Patients"]
    assert nav.tab_action_for(request).label == "New appointment"
    assert nav.tab_action_for(request_of(Role.DOCTOR)).label == "Start a session"


def test_only_those_who_see_a_link_have_what_is_behind_it_counted():
    nav.register_count("accounts:people", lambda user: 3)
    admin, doctor = request_of(Role.ADMIN), request_of(Role.DOCTOR)

    assert set(nav.counters_for(admin.user)) == {"accounts:people"}
    assert nav.counters_for(doctor.user) == {}


def test_links_show_what_was_counted_last_and_count_nothing_themselves():
    asked = []
    nav.register_count("accounts:people", lambda user: asked.append(user) or 3)
    request = request_of(Role.ADMIN)
    assert counted_link(request).count == 0
    assert asked == []

    counts.count(request.user, nav.counters_for(request.user), at=NOON)
    again = request_of(Role.ADMIN)
    again.user = request.user

    assert (counted_link(again).counted, counted_link(again).count) == ("accounts:people", 3)
    assert len(asked) == 1


def test_numbers_grow_old_by_time_and_by_what_the_person_does():
    user = User(role=Role.ADMIN)
    counts.count(user, {"accounts:people": lambda user: 3}, at=NOON)

    assert counts.known(user.pk).is_fresh(NOON + timedelta(seconds=19))
    assert not counts.known(user.pk).is_fresh(NOON + timedelta(seconds=21))
    counts.outdate(user.pk)
    assert not counts.known(user.pk).is_fresh(NOON)
    assert counts.known(user.pk).numbers == {"accounts:people": 3}


def test_what_nobody_counted_is_not_fresh():
    assert not counts.known(uuid4()).is_fresh(NOON)


def test_the_live_session_is_looked_up_once():
    asked = []
    live = nav.LiveSession(uuid4(), "Kavya Iyer", 767)
    nav.register_live_session(lambda user: asked.append(user) or live)
    request = request_of(Role.DOCTOR)

    assert nav.live_session_of(request) is nav.live_session_of(request) is live
    assert len(asked) == 1


def test_the_red_pill_leads_back_to_the_session(asha, signed_in):
    live = nav.LiveSession(uuid4(), "Kavya Iyer", 767)
    nav.register_live_session(lambda user: live if user == asha else None)

    page = signed_in(asha).get("/settings/").text

    assert f'href="{reverse("sessions:detail", args=[live.pk])}"' in page
    assert 'data-clock-from="767">12:47' in page


def test_a_paused_clock_stands_still(asha, signed_in):
    nav.register_live_session(lambda user: nav.LiveSession(uuid4(), "Kavya Iyer", 767, is_paused=True))

    page = signed_in(asha).get("/settings/").text

    assert "data-clock-from" not in page
    assert "Paused" in page


@pytest.mark.parametrize(("seconds", "clock"), [(54, "0:54"), (767, "12:47"), (3725, "1:02:05")])
def test_the_clock_reads_like_one(seconds, clock):
    assert nav.LiveSession(uuid4(), "", seconds).clock == clock


def test_the_gallery_is_for_the_demo_only(asha, signed_in, settings):
    assert signed_in(asha).get("/gallery/").status_code == 200

    settings.MODE = "production"

    assert signed_in(asha).get("/gallery/").status_code == 404


def test_a_tab_without_a_page_gets_the_icon(client, db):
    assert client.get("/favicon.ico").url.endswith("img/favicon.svg")

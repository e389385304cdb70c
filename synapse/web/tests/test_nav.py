from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.urls import reverse

from synapse.accounts.models import User
from synapse.accounts.roles import Role
from synapse.web import nav


def request_of(role, path="/settings/"):
    request = RequestFactory().get(path)
    request.user = User(role=role)
    return request


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
        "Sessions",
        "Reports",
        "Billing",
        "Templates",
        "Settings",
    ]
    assert labels(Role.RECEPTIONIST) == ["Calendar", "Patients", "Billing", "Settings"]
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

    assert [link.label for link in nav.tab_links_for(request)] == ["Calendar", "Patients", "Billing"]
    assert nav.tab_action_for(request).label == "New appointment"
    assert nav.tab_action_for(request_of(Role.DOCTOR)).label == "Start a session"


def test_a_count_is_shown_to_those_who_see_the_link():
    asked = []
    nav.register_count("accounts:people", lambda user: asked.append(user) or 3)

    counts = {link.label: link.count for link in nav.links_for(request_of(Role.ADMIN))}
    nav.links_for(request_of(Role.DOCTOR))

    assert counts["People"] == 3
    assert len(asked) == 1


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


@pytest.mark.parametrize(("seconds", "clock"), [(0, "00:00"), (767, "12:47"), (3725, "1:02:05")])
def test_the_clock_reads_like_one(seconds, clock):
    assert nav.LiveSession(uuid4(), "", seconds).clock == clock


def test_the_gallery_is_for_the_demo_only(asha, signed_in, settings):
    assert signed_in(asha).get("/gallery/").status_code == 200

    settings.MODE = "production"

    assert signed_in(asha).get("/gallery/").status_code == 404


def test_a_tab_without_a_page_gets_the_icon(client, db):
    assert client.get("/favicon.ico").url.endswith("img/favicon.svg")

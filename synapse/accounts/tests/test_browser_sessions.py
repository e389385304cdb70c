"""Where a person is signed in: a row a session, listed and ended by its person, gone with the session."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from synapse.accounts import browser_sessions, locking, people
from synapse.accounts.browser_sessions import SIGNED_IN_KEY
from synapse.accounts.locking import ACTIVE_KEY
from synapse.accounts.models import UserSession
from synapse.accounts.roles import Role
from synapse.audit.models import Action, AuditEvent
from synapse.testing.plugin import PASSWORD

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 "
    "Safari/537.36 Edg/138.0.0.0"
)


def sign_in(user, agent=FIREFOX) -> Client:
    client = Client(headers={"User-Agent": agent})
    client.post(reverse("accounts:sign_in"), {"name": user.email, "password": PASSWORD})
    return client


def is_in(client: Client) -> bool:
    return client.get(reverse("accounts:profile")).status_code == 200


def copy_of(client: Client) -> Client:
    """Return a browser that sends the cookie this one has now."""
    other = Client()
    other.cookies["sessionid"] = client.cookies["sessionid"].value
    return other


def test_the_list_says_browser_system_and_address_and_which_one_this_is(asha, ben):
    here, _, _ = sign_in(asha), sign_in(asha, IPHONE), sign_in(ben, EDGE)

    page = here.get(reverse("accounts:security")).content.decode()

    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert "Edge" not in page
    assert page.count("127.0.0.1") == 2
    assert page.count("This one") == 1
    assert not UserSession.objects.filter(key_hash=here.session.session_key).exists()


def test_one_is_ended_or_all_others_and_nobody_elses(asha, ben):
    here, phone, third, bens = sign_in(asha), sign_in(asha, IPHONE), sign_in(asha), sign_in(ben)
    row_of = {client: browser_sessions.id_of(client.session) for client in (here, phone, third, bens)}

    stranger = here.post(reverse("accounts:end_session", args=[row_of[bens]]))
    here.post(reverse("accounts:end_session", args=[row_of[phone]]))
    in_between = [is_in(client) for client in (here, phone, third, bens)]
    here.post(reverse("accounts:end_other_sessions"))

    assert stranger.status_code == 404
    assert in_between == [True, False, True, True]
    assert [is_in(client) for client in (here, third, bens)] == [True, False, True]
    verbs = AuditEvent.objects.filter(action=Action.ADMINISTER).values_list("detail", flat=True)
    assert {detail["verb"] for detail in verbs} >= {"end_session", "end_sessions"}


def test_an_old_cookie_is_refused_after_sign_out_unlock_and_proof(asha):
    client = sign_in(asha)
    before_unlock = copy_of(client)
    client.post(reverse("accounts:lock"))
    client.post(reverse("accounts:unlock"), {"password": PASSWORD})
    before_proof = copy_of(client)
    client.post(reverse("accounts:prove"), {"proof-password": PASSWORD})
    at_the_end = copy_of(client)

    still = (is_in(client), is_in(before_unlock), is_in(before_proof), is_in(at_the_end))
    rows = UserSession.objects.count()
    client.post(reverse("accounts:sign_out"))

    assert still == (True, False, False, True)
    assert rows == 1
    assert not is_in(at_the_end)
    assert not UserSession.objects.exists()


def test_a_new_password_leaves_this_session_alone(asha):
    here, other = sign_in(asha), sign_in(asha, IPHONE)

    here.post(reverse("accounts:security"), {"current_password": PASSWORD, "new_password": "violet anchor lamp 52"})

    assert (is_in(here), is_in(other)) == (True, False)
    assert UserSession.objects.get().key_hash == browser_sessions.hash_token(here.session.session_key)


def test_deactivation_ends_every_session_and_a_new_role_holds_at_the_next_click(asha, omar):
    client = sign_in(asha)

    people.change_role(asha, Role.RECEPTIONIST, by=omar)
    told = client.get(reverse("accounts:standing"))
    refused = client.get(reverse("reports:list"))
    people.deactivate_person(asha, by=omar, at=timezone.now())

    assert (told["X-Standing"], told["X-Role"], refused.status_code) == ("open", "receptionist", 403)
    assert client.get(reverse("accounts:standing"))["X-Standing"] == "signed-out"
    assert not UserSession.objects.exists()


def test_the_sweep_takes_rows_whose_session_is_over_and_leaves_the_others(asha):
    sign_in(asha)
    sign_in(asha, IPHONE)
    gone = Session.objects.first()
    Session.objects.filter(pk=gone.pk).update(expire_date=timezone.now() - timedelta(seconds=1))

    assert browser_sessions.purge_ended(timezone.now()) == 1
    assert UserSession.objects.count() == 1


def wind_back(client: Client, key: str, **time: float) -> None:
    session = client.session
    session[key] = (timezone.now() - timedelta(**time)).timestamp()
    session.save()


@pytest.mark.parametrize(
    ("key", "just_before", "just_after"),
    [
        (ACTIVE_KEY, {"minutes": 14, "seconds": 50}, {"minutes": 15, "seconds": 1}),
        (SIGNED_IN_KEY, {"hours": 11, "minutes": 59}, {"hours": 12, "seconds": 1}),
    ],
)
def test_fifteen_idle_minutes_and_twelve_hours_lock_the_screen(asha, key, just_before, just_after):
    client = sign_in(asha)
    wind_back(client, key, **just_before)
    before = is_in(client)
    wind_back(client, key, **just_after)
    asked = client.get(reverse("accounts:profile"))

    assert before
    assert asked.url.startswith(reverse("accounts:unlock"))
    assert client.get(reverse("accounts:standing"))["X-Standing"] == "locked"
    assert client.get("/api/v1/profile/").status_code == 401


def test_after_twelve_hours_the_password_alone_opens_nothing_where_a_code_is_asked_for(asha, monkeypatch):
    client = sign_in(asha)
    wind_back(client, SIGNED_IN_KEY, hours=12, seconds=1)
    unlock = reverse("accounts:unlock")

    by_script = client.post(unlock, {"password": PASSWORD}, headers={"Accept": "application/json"})
    with monkeypatch.context() as patch:
        patch.setattr("synapse.accounts.second_factor.is_on", lambda user: True)
        without_code = client.post(unlock, {"password": PASSWORD})
    still_closed = not is_in(client)
    opened = client.post(unlock, {"password": PASSWORD, "next": "/settings/"})

    assert (by_script.status_code, without_code.status_code, still_closed) == (401, 422, True)
    assert (opened.status_code, opened.url) == (302, "/settings/")
    assert is_in(client)
    assert UserSession.objects.open_at(timezone.now()).exists()


def test_what_locks_a_session_stands_in_its_row_as_well(asha):
    client, now = sign_in(asha), timezone.now()
    session = client.session

    locking.lock(session, at=now)
    while_locked = UserSession.objects.open_at(now).exists()
    locking.unlock(session, at=now)
    unlocked = UserSession.objects.open_at(now).exists()
    later = now + timedelta(minutes=15)
    idle = UserSession.objects.open_at(later).exists()
    locking.touch(session, at=later)

    assert (while_locked, unlocked, idle, UserSession.objects.open_at(later).exists()) == (False, True, False, True)

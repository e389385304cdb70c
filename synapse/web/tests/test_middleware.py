import json

import pytest
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import include, path

from synapse.audit.models import AuditEvent, Outcome
from synapse.common.errors import Conflict, NotAllowed
from synapse.web.http import render_page

HTMX = {"HX-Request": "true"}


def broken_rule(request):
    raise Conflict("The slot is taken. Choose another time.")


def refused(request):
    raise NotAllowed("Only the session's doctor signs.")


def moved(request):
    messages.success(request, "Saved.")
    return redirect("/settings/")


def told(request):
    messages.success(request, "Saved.")
    messages.error(request, "But not the phone.")
    return HttpResponse("<p>part</p>")


def page_or_part(request):
    return render_page(request, "components/logo.html", fragment="components/theme_toggle.html")


@login_not_required
def broken(request):
    raise RuntimeError("Kavya Iyer, 34")


urlpatterns = [
    path("rule/", broken_rule),
    path("refused/", refused),
    path("moved/", moved),
    path("told/", told),
    path("part/", page_or_part),
    path("broken/", broken),
    path("", include("synapse.accounts.urls")),
    path("", include(([path("", page_or_part, name="home")], "dashboard"))),
    path("", include("synapse.web.urls")),
]
handler400 = "synapse.web.errors.bad_request"
handler403 = "synapse.web.errors.permission_denied"
handler404 = "synapse.web.errors.page_not_found"
handler500 = "synapse.web.errors.server_error"

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture(autouse=True)
def without_the_other_apps(monkeypatch):
    """These addresses have no patients and no calendar, which the shell would link to."""
    for module in ("templatetags.ui", "nav"):
        monkeypatch.setattr(f"synapse.web.{module}.reverse", lambda name: f"/{name}/")


def toast_of(answer):
    return json.loads(answer["HX-Trigger"])["synapse:toast"]


def test_a_broken_rule_is_a_sentence_on_a_page(asha, signed_in):
    answer = signed_in(asha).get("/rule/", headers={"Referer": "http://testserver/settings/"})

    assert answer.status_code == 409
    assert "The slot is taken. Choose another time." in answer.text
    assert 'href="http://testserver/settings/"' in answer.text


def test_the_way_back_never_leads_elsewhere(asha, signed_in):
    answer = signed_in(asha).get("/rule/", headers={"Referer": "https://evil.example/"})

    assert "evil.example" not in answer.text


def test_a_broken_rule_is_a_toast_for_htmx(asha, signed_in):
    answer = signed_in(asha).get("/rule/", headers=HTMX)

    assert (answer.status_code, answer.content) == (409, b"")
    assert toast_of(answer) == {"text": "The slot is taken. Choose another time.", "kind": "bad"}


def test_a_refusal_is_audited(asha, signed_in):
    answer = signed_in(asha).get("/refused/")

    assert answer.status_code == 403
    event = AuditEvent.objects.get(outcome=Outcome.DENIED)
    assert (event.actor_id, event.detail) == (asha.pk, {"reason": "not_allowed"})


def test_a_redirect_loads_a_page_and_never_lands_in_a_fragment(asha, signed_in):
    client = signed_in(asha)

    answer = client.post("/moved/", headers=HTMX)

    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/settings/")
    assert "Saved." in client.get("/settings/").text


def test_a_session_that_ended_leads_to_sign_in_and_back_to_the_page(client):
    answer = client.post("/told/", headers={**HTMX, "HX-Current-URL": "http://testserver/settings/security/"})

    assert answer["HX-Redirect"] == "/sign-in/?next=%2Fsettings%2Fsecurity%2F"


def test_messages_of_an_htmx_request_travel_as_a_toast(asha, signed_in):
    client = signed_in(asha)

    answer = client.get("/told/", headers=HTMX)

    assert toast_of(answer) == {"text": "Saved. But not the phone.", "kind": "bad"}
    assert "But not the phone." not in client.get("/settings/").text


@pytest.mark.parametrize(
    ("headers", "is_part"),
    [
        ({}, False),
        (HTMX, True),
        ({**HTMX, "HX-Boosted": "true"}, False),
        ({**HTMX, "HX-History-Restore-Request": "true"}, False),
    ],
)
def test_htmx_gets_the_part_and_everybody_else_the_page(asha, signed_in, headers, is_part):
    answer = signed_in(asha).get("/part/", headers=headers)

    assert ("data-theme-toggle" in answer.text) is is_part
    assert "HX-Request" in answer["Vary"]


def test_signed_in_pages_are_stored_nowhere(asha, signed_in):
    assert signed_in(asha).get("/settings/")["Cache-Control"] == "no-store"


def test_every_page_carries_the_policies(client):
    answer = client.get("/sign-in/")

    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "microphone=(self)" in answer["Permissions-Policy"]
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


def test_a_server_error_shows_nothing_of_what_failed(client, caplog):
    client.raise_request_exception = False

    answer = client.get("/broken/")

    assert answer.status_code == 500
    assert "Something went wrong on the server" in answer.text
    assert "Kavya" not in answer.text


def test_a_missing_page_has_the_shell_for_people_and_none_for_strangers(asha, signed_in, client):
    inside, outside = signed_in(asha).get("/nothing/"), client.get("/nothing/")

    assert inside.status_code == outside.status_code == 404
    assert 'class="rail"' in inside.text
    assert 'class="rail"' not in outside.text


def test_a_form_from_before_signing_in_again_is_explained(asha):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(asha)

    answer = client.post("/settings/security/", {})

    assert answer.status_code == 403
    assert "This form is out of date" in answer.text

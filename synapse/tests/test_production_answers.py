"""What an installation in production says to a browser: the flags of its cookies, and the headers of every answer."""

import pytest

from sessions_app.tests.live_site import LiveSite

SIGN_IN = """
from django.urls import reverse
from django_otp.oath import hotp
from patients.tests.factories import make_patient
from synapse.accounts import second_factor
from synapse.testing.plugin import PASSWORD

asha, now = make_user("asha", Role.DOCTOR, "Asha", "Rao"), timezone.now()
patient = make_patient(asha)
make_consent(patient, by=asha)
authenticator, at = second_factor.begin(asha), now - timezone.timedelta(hours=1)
code_of = lambda moment: f"{hotp(authenticator.secret, int(moment.timestamp()) // 30):06}"
second_factor.confirm(authenticator, code_of(at), by=asha, at=at)

client = Client(SERVER_NAME="clinic.example", raise_request_exception=False)
get = lambda path: client.get(path, secure=True)
answers = {"html": get("/sign-in/")}
client.post("/sign-in/", {"name": "asha", "password": PASSWORD}, secure=True)
client.post("/sign-in/code/", {"code": code_of(timezone.now())}, secure=True)
answers |= {
    "signed in": get("/settings/"),
    "json": get("/api/v1/profile/"),
    "pdf": get(reverse("patients:consent_copies", args=[patient.pk])),
    "missing": get("/nothing/"),
    "refused": get("/people/"),
}
FLAGS = ("secure", "httponly", "samesite", "path", "domain")
answer = {
    "cookies": {name: [cookie[flag] for flag in FLAGS] for name, cookie in client.cookies.items()},
    "answers": {name: [one.status_code, dict(one.headers)] for name, one in answers.items()},
    "plain": client.get("/sign-in/").headers["Location"],
}
"""
HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}
EXPECTED = {
    "html": (200, "text/html"),
    "signed in": (200, "text/html"),
    "json": (200, "application/json"),
    "pdf": (200, "application/pdf"),
    "missing": (404, "text/html"),
    "refused": (403, "text/html"),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    site = LiveSite(tmp_path_factory.mktemp("production"))
    site.env |= {
        "SYNAPSE_MODE": "production",
        "BASE_URL": "https://clinic.example",
        "EMAIL_URL": "dummymail://",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    try:
        return site.run(SIGN_IN)
    finally:
        site.terminate()


def test_cookies_are_bound_to_the_host_and_to_https_and_no_script_reads_them(said):
    assert set(said["cookies"]) == {"__Host-sessionid", "__Host-csrftoken", "__Host-device"}
    for name, flags in said["cookies"].items():
        assert flags == [True, True, "Lax", "/", ""], name


@pytest.mark.parametrize("kind", EXPECTED)
def test_every_kind_of_answer_has_the_headers(said, kind):
    status, headers = said["answers"][kind]

    assert (status, headers["Content-Type"].split(";")[0]) == EXPECTED[kind]
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert headers["Permissions-Policy"].startswith("microphone=(self)")
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    if kind != "html":
        assert headers["Cache-Control"] == "no-store"


def test_plain_http_is_sent_to_https(said):
    assert said["plain"] == "https://clinic.example/sign-in/"

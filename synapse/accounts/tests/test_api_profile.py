"""One's own profile over the API."""

from io import BytesIO

import pytest
from django.core.cache import cache
from django.utils import timezone
from PIL import Image

from synapse.accounts import services
from synapse.accounts.throttle import TooManyTries
from synapse.audit.models import AuditEvent
from synapse.testing.plugin import PASSWORD

PROFILE = "/api/v1/profile/"
NAMES = [
    "user",
    "first_name",
    "last_name",
    "email",
    "phone",
    "license_number",
    "specialization",
    "organization",
    "clinic_name",
    "clinic_address",
    "logo",
    "timezone",
    "language",
    "notification_settings",
    "role",
]


@pytest.fixture(autouse=True)
def _no_earlier_requests():
    cache.clear()


def picture():
    content = BytesIO()
    Image.new("RGB", (20, 20), "#0a6558").save(content, "PNG")
    content.seek(0)
    content.name = "logo.png"
    return content


def test_the_profile_has_the_fields_of_the_contract(api, asha):
    body = api(asha).get(PROFILE).json()

    assert list(body) == NAMES
    assert (body["user"], body["first_name"], body["role"], body["logo"]) == (str(asha.pk), "Asha", "doctor", None)
    assert body["notification_settings"]["report_ready"] == "none"


def test_nobody_reads_it_without_signing_in(client, db):
    assert client.get(PROFILE).status_code == 401


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_only_what_is_sent_changes(api, asha, verb):
    services.profile_of(asha)
    client = api(asha)

    answer = getattr(client, verb)(
        PROFILE,
        {
            "first_name": "Aasha",
            "phone": "+91 9820055123",
            "timezone": "Europe/Berlin",
            "notification_settings": {"report_ready": "mail"},
        },
    )

    body = answer.json()
    assert answer.status_code == 200
    assert (body["first_name"], body["last_name"], body["phone"]) == ("Aasha", "Rao", "+91 98200 55123")
    assert body["notification_settings"]["report_ready"] == "mail"
    assert body["notification_settings"]["report_failed"] == "none"
    assert body == client.get(PROFILE).json()
    assert AuditEvent.objects.filter(action="update").get().detail == {
        "fields": ["first_name", "notification_settings", "phone", "timezone"]
    }


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"first_name": " "}, "first_name"),
        ({"phone": "12"}, "phone"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"language": "tlh"}, "language"),
        ({"notification_settings": {"moon_rises": "mail"}}, "notification_settings"),
        ({"notification_settings": {"report_ready": "pigeon"}}, "notification_settings.report_ready"),
        ({"role": "admin"}, "role"),
        ({"user": "7d444840-9dc0-11d1-b245-5ffdce74fad2"}, "user"),
        ({"npi": "1245319599"}, "npi"),
        ({"is_superuser": True}, "is_superuser"),
        ({"logo": "https://elsewhere.example/x.png"}, "logo"),
    ],
)
def test_what_cannot_be_taken_is_named(api, asha, sent, field):
    answer = api(asha).patch(PROFILE, sent)

    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]


def test_what_was_read_may_be_sent_back_unchanged(api, asha):
    client = api(asha)
    client.put(PROFILE, {"logo": picture()}, format="multipart")

    answer = client.put(PROFILE, client.get(PROFILE).json())

    assert answer.status_code == 200
    assert answer.json()["logo"]


def test_a_new_email_needs_the_password_and_is_nobody_elses(api, asha, ben):
    client = api(asha)

    missing = client.patch(PROFILE, {"email": "a.rao@clinic.example"})
    wrong = client.patch(PROFILE, {"email": "a.rao@clinic.example", "current_password": "wrong"})
    taken = client.patch(PROFILE, {"email": "BEN@clinic.example", "current_password": PASSWORD})
    right = client.patch(PROFILE, {"email": "A.Rao@clinic.example", "current_password": PASSWORD})

    assert [list(answer.json()["error"]["fields"]) for answer in (missing, wrong, taken)] == [
        ["current_password"],
        ["current_password"],
        ["email"],
    ]
    assert right.json()["email"] == "a.rao@clinic.example"
    assert "current_password" not in right.json()


def test_guesses_are_counted_whichever_headers_come_with_them(api, asha):
    """What a version is held for is undone when it fails; a wrong password is not."""
    client, wrong = api(asha), {"email": "a.rao@clinic.example", "current_password": "wrong"}
    tag = client.get(PROFILE)["ETag"]

    answers = [client.patch(PROFILE, wrong, headers={"If-Match": tag}) for _ in range(10)]

    assert {answer.status_code for answer in answers} == {400}
    assert AuditEvent.objects.filter(action="sign_in_failed").count() == 10
    with pytest.raises(TooManyTries):
        services.check_password(None, "asha", PASSWORD, address="127.0.0.1", at=timezone.now())


def test_a_logo_comes_as_multipart_and_goes_out_as_an_address(api, asha):
    client = api(asha)

    address = client.put(PROFILE, {"logo": picture()}, format="multipart").json()["logo"]

    shown = client.get(address)
    assert address.endswith("/api/v1/profile/logo/")
    assert shown["Content-Type"] == "image/png"
    assert Image.open(BytesIO(shown.content)).size == (20, 20)
    assert client.patch(PROFILE, {"logo": None}).json()["logo"] is None
    assert client.get(address).status_code == 404


def test_a_file_that_is_no_picture_is_refused(api, asha):
    file = BytesIO(b"<svg onload=alert(1)>")
    file.name = "logo.png"

    answer = api(asha).put(PROFILE, {"logo": file}, format="multipart")

    assert list(answer.json()["error"]["fields"]) == ["logo"]


def test_a_version_read_before_somebody_changed_it_is_refused(api, asha):
    client = api(asha)
    read = client.get(PROFILE)["ETag"]

    first = client.patch(PROFILE, {"first_name": "Aasha"}, HTTP_IF_MATCH=read)
    second = client.patch(PROFILE, {"first_name": "Asha"}, HTTP_IF_MATCH=read)

    assert (first.status_code, second.status_code) == (200, 412)
    assert first["ETag"] != read


def test_some_fields_may_be_asked_for(api, asha):
    assert api(asha).get(f"{PROFILE}?fields=email,role").json() == {"email": "asha@clinic.example", "role": "doctor"}
    assert api(asha).get(f"{PROFILE}?fields=password").status_code == 400

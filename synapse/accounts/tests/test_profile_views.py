"""Everybody's own settings, by a browser's requests."""

from io import BytesIO

import pytest
from PIL import Image

from synapse.testing.plugin import PASSWORD

NEW_PASSWORD = "a gate of green wood"


def logo_file():
    content = BytesIO()
    Image.new("RGB", (20, 20), "#0a6558").save(content, "PNG")
    content.seek(0)
    content.name = "logo.png"
    return content


def profile_data(**changes):
    return {
        "first_name": "Asha",
        "last_name": "Rao",
        "email": "asha@clinic.example",
        "phone": "",
        "language": "en-US",
        "timezone": "",
        **changes,
    }


@pytest.mark.parametrize("path", ["/settings/", "/settings/security/", "/settings/notifications/"])
@pytest.mark.parametrize("who", ["asha", "rita", "omar"])
def test_everybody_has_settings(request, signed_in, path, who):
    assert signed_in(request.getfixturevalue(who)).get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/settings/",
        "/settings/security/",
        "/settings/notifications/",
        "/settings/logo/",
        "/settings/clinic/",
        "/people/",
    ],
)
def test_strangers_are_sent_to_sign_in(client, db, path):
    answer = client.get(path)

    assert answer.status_code == 302
    assert answer.url == f"/sign-in/?next={path}"


@pytest.mark.parametrize("path", ["/settings/", "/settings/security/", "/settings/notifications/", "/settings/logo/"])
def test_settings_take_no_other_method(asha, signed_in, path):
    assert signed_in(asha).delete(path).status_code == 405


@pytest.mark.parametrize("path", ["/people/", "/people/invite/", "/settings/clinic/"])
def test_the_administrators_pages_take_no_other_method(omar, signed_in, path):
    assert signed_in(omar).delete(path).status_code == 405


def test_every_field_of_the_profile_is_saved(asha, signed_in):
    answer = signed_in(asha).post(
        "/settings/",
        profile_data(
            first_name="Aasha",
            phone="98200 55123",
            license_number="MMC-2011-04417",
            specialization="Psychiatry",
            organization="Banyan",
            clinic_name="Banyan Mind Care",
            clinic_address="12 Karve Road",
            timezone="Europe/Berlin",
            language="en-GB",
        ),
    )

    assert answer.status_code == 302
    asha.refresh_from_db()
    profile = asha.profile
    assert asha.first_name == "Aasha"
    assert profile.phone == "+91 98200 55123"
    assert (profile.license_number, profile.specialization) == ("MMC-2011-04417", "Psychiatry")
    assert (profile.organization, profile.clinic_name, profile.clinic_address) == (
        "Banyan",
        "Banyan Mind Care",
        "12 Karve Road",
    )
    assert (profile.timezone, profile.language) == ("Europe/Berlin", "en-GB")


def test_a_phone_number_that_cannot_be_one_is_refused(asha, signed_in):
    answer = signed_in(asha).post("/settings/", profile_data(phone="12"))

    assert answer.status_code == 422
    assert "Enter a phone number, like" in answer.text


def test_a_new_email_needs_the_password(asha, signed_in):
    client = signed_in(asha)

    refused = client.post("/settings/", profile_data(email="a.rao@clinic.example"))
    taken = client.post("/settings/", profile_data(email="a.rao@clinic.example", current_password=PASSWORD))

    assert refused.status_code == 422
    assert taken.status_code == 302
    asha.refresh_from_db()
    assert asha.email == "a.rao@clinic.example"


def test_a_colleagues_email_cannot_be_taken(asha, ben, signed_in):
    answer = signed_in(asha).post("/settings/", profile_data(email="BEN@clinic.example", current_password=PASSWORD))

    assert answer.status_code == 422


def test_a_logo_is_stored_shown_kept_and_removed(asha, signed_in):
    client = signed_in(asha)

    client.post("/settings/", profile_data(logo=logo_file()))
    shown = client.get("/settings/logo/")
    client.post("/settings/", profile_data(organization="Banyan"))
    kept = client.get("/settings/logo/")
    client.post("/settings/logo/remove/")

    assert shown["Content-Type"] == "image/png"
    assert shown.content.startswith(b"\x89PNG")
    assert kept.content == shown.content
    assert client.get("/settings/logo/").status_code == 404


def test_a_file_that_is_no_picture_is_refused(asha, signed_in):
    file = BytesIO(b"<script>alert(1)</script>")
    file.name = "logo.png"

    answer = signed_in(asha).post("/settings/", profile_data(logo=file))

    assert answer.status_code == 422
    assert "must be a PNG, JPEG, WebP or GIF" in answer.text


def test_changing_the_password_keeps_this_browser_and_ends_the_others(asha, signed_in):
    here, elsewhere = signed_in(asha), signed_in(asha)

    answer = here.post("/settings/security/", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})

    assert answer.status_code == 302
    assert here.get("/settings/").status_code == 200
    assert elsewhere.get("/settings/").status_code == 302


def test_changing_the_password_needs_the_current_one(asha, signed_in):
    answer = signed_in(asha).post("/settings/security/", {"current_password": "no", "new_password": NEW_PASSWORD})

    assert answer.status_code == 422
    asha.refresh_from_db()
    assert asha.check_password(PASSWORD)


def test_notification_choices_are_saved(asha, signed_in):
    answer = signed_in(asha).post(
        "/settings/notifications/",
        {
            "report_ready": "mail",
            "report_failed": "none",
            "appointment_booked": "mail",
            "patient_shared": "none",
            "webhook_disabled": "mail",
        },
    )

    assert answer.status_code == 302
    asha.refresh_from_db()
    assert asha.profile.notification_settings["report_ready"] == "mail"
    assert asha.profile.notification_settings["report_failed"] == "none"

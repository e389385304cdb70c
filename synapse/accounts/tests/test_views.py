import re
from io import BytesIO

import pytest
from django.core import mail
from django.test import Client
from PIL import Image

from synapse.accounts import people, services
from synapse.accounts.clinic_forms import ClinicForm
from synapse.accounts.models import ClinicSettings, Invitation, User
from synapse.audit.models import Action, AuditEvent, Outcome
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


def test_signing_in_leads_home(asha, client):
    answer = client.post("/sign-in/", {"name": "asha", "password": PASSWORD})

    assert (answer.status_code, answer.url) == (302, "/")
    assert client.get("/settings/").status_code == 200


def test_signing_in_leads_on_to_where_one_wanted_to_be(asha, client):
    answer = client.post("/sign-in/", {"name": "asha", "password": PASSWORD, "next": "/settings/security/"})

    assert answer.url == "/settings/security/"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_never_leads_elsewhere(asha, client, elsewhere):
    answer = client.post("/sign-in/", {"name": "asha", "password": PASSWORD, "next": elsewhere})

    assert answer.url == "/"


def test_the_session_gets_a_new_key_at_sign_in(asha, client):
    client.get("/password/new/x/y/")
    client.session["planted"] = "by somebody"
    before = client.session.session_key

    client.post("/sign-in/", {"name": "asha", "password": PASSWORD})

    assert client.session.session_key != before


def test_a_wrong_password_shows_the_form_again_without_the_password(asha, client):
    answer = client.post("/sign-in/", {"name": "asha", "password": "not the one"})

    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert "<title>Error: Sign in" in answer.text
    assert "not the one" not in answer.text


def test_empty_fields_are_named(client, db):
    answer = client.post("/sign-in/", {"name": "", "password": ""})

    assert answer.status_code == 422
    assert "Enter your e-mail or user name" in answer.text


def test_too_many_tries_are_told_to_wait(asha, client):
    for _ in range(10):
        client.post("/sign-in/", {"name": "asha", "password": "wrong"})

    answer = client.post("/sign-in/", {"name": "asha", "password": PASSWORD})

    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.text


def test_the_demo_shows_user_names_and_never_a_password(client, db, settings):
    settings.DEMO_PASSWORD = "shown in the terminal"

    answer = client.get("/sign-in/")

    assert "doctor2" in answer.text
    assert "shown in the terminal" not in answer.text


def test_a_production_sign_in_shows_no_user_names(client, db, settings):
    settings.MODE = "production"

    assert "doctor2" not in client.get("/sign-in/").text


def test_signing_out_ends_the_session_and_clears_the_cache(asha, signed_in):
    client = signed_in(asha)

    answer = client.post("/sign-out/")

    assert (answer.status_code, answer.url) == (302, "/sign-in/")
    # Audio that the server has not got yet lives in the browser's storage, which must survive.
    assert answer["Clear-Site-Data"] == '"cache"'
    assert client.get("/settings/").status_code == 302
    assert AuditEvent.objects.filter(action=Action.SIGN_OUT, actor_id=asha.pk).exists()


@pytest.mark.parametrize("method", ["get", "put"])
def test_signing_out_needs_a_post(asha, signed_in, method):
    assert getattr(signed_in(asha), method)("/sign-out/").status_code == 405


def test_asking_for_a_link_answers_the_same_for_every_address(asha, client):
    known = client.post("/password/forgot/", {"email": "asha@clinic.example"})
    unknown = client.post("/password/forgot/", {"email": "nora@clinic.example"})

    assert known.status_code == unknown.status_code == 200
    # The token against forged forms differs each time; nothing else may.
    known_page, unknown_page = (re.sub(r'content="\w{64}"', "", answer.text) for answer in (known, unknown))
    assert known_page.replace("asha@", "nora@") == unknown_page


def test_a_forgotten_password_is_replaced_by_the_link_once(asha, client, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/password/forgot/", {"email": "asha@clinic.example"})
    path = "/password/new/" + mail.outbox[0].body.split("/password/new/")[1].split()[0]

    opened = client.get(path, follow=True)
    answer = client.post("/password/new/", {"new_password": NEW_PASSWORD})

    assert opened.redirect_chain == [("/password/new/", 302)]
    assert (answer.status_code, answer.url) == (302, "/sign-in/")
    asha.refresh_from_db()
    assert asha.check_password(NEW_PASSWORD)
    assert Client().get(path).status_code == 404


def test_opening_a_reset_link_does_not_use_it_up(asha):
    path = services.reset_path(asha)

    Client().get(path)

    assert Client().get(path).status_code == 302


def test_a_weak_new_password_is_refused(asha, client):
    client.get(services.reset_path(asha))

    answer = client.post("/password/new/", {"new_password": "asha"})

    assert answer.status_code == 422
    assert "at least 12 characters" in answer.text


@pytest.mark.parametrize("path", ["/password/new/", "/password/new/x/y/", "/join/nothing/"])
def test_a_link_that_is_gone_says_what_to_do(client, db, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert "This link can’t be used any more" in answer.text


def test_an_invited_colleague_joins_and_is_signed_in(omar, client, now):
    sent = people.invite_person("nila@clinic.example", "receptionist", by=omar, at=now)

    shown = client.get(sent.path)
    answer = client.post(sent.path, {"first_name": "Nila", "last_name": "Das", "new_password": NEW_PASSWORD})

    assert "nila@clinic.example" in shown.text
    assert answer.status_code == 302
    assert client.get("/settings/").status_code == 200
    assert User.objects.get(username="nila@clinic.example").role == "receptionist"


def test_joining_with_a_weak_password_keeps_the_link(omar, client, now):
    sent = people.invite_person("nila@clinic.example", "receptionist", by=omar, at=now)

    answer = client.post(sent.path, {"first_name": "Nila", "last_name": "Das", "new_password": "short"})

    assert answer.status_code == 422
    assert client.get(sent.path).status_code == 200


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


@pytest.mark.parametrize("path", ["/people/", "/people/invite/", "/settings/clinic/"])
def test_the_administrators_pages_open_for_administrators_only(asha, rita, omar, signed_in, path):
    assert signed_in(omar).get(path).status_code == 200
    for user in (asha, rita):
        assert signed_in(user).get(path).status_code == 403
        assert AuditEvent.objects.filter(actor_id=user.pk, outcome=Outcome.DENIED).exists()


@pytest.mark.parametrize("verb", ["role", "deactivate", "reactivate"])
def test_people_are_managed_by_administrators_with_a_post(asha, ben, omar, signed_in, verb):
    path = f"/people/{ben.pk}/{verb}/"

    assert signed_in(asha).post(path, {"role": "admin"}).status_code == 403
    assert signed_in(omar).get(path).status_code == 405
    assert signed_in(omar).post(path, {"role": "admin"}).status_code == 302
    ben.refresh_from_db()
    assert (ben.role, ben.is_active) == {
        "role": ("admin", True),
        "deactivate": ("doctor", False),
        "reactivate": ("doctor", True),
    }[verb]


def test_an_unknown_role_changes_nothing(ben, omar, signed_in):
    signed_in(omar).post(f"/people/{ben.pk}/role/", {"role": "emperor"})

    ben.refresh_from_db()
    assert ben.role == "doctor"


def test_an_invitation_is_mailed_and_its_link_shown_once(omar, signed_in):
    client = signed_in(omar)

    answer = client.post("/people/invite/", {"email": "nila@clinic.example", "role": "doctor"})

    link = re.search(r'id="link" type="text" value="([^"]+)"', answer.text)[1]
    assert link.split("/join/")[1] in mail.outbox[0].body
    assert "/join/" not in client.get("/people/").text


def test_an_invitation_that_cannot_be_mailed_still_shows_its_link(omar, signed_in, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    answer = signed_in(omar).post("/people/invite/", {"email": "nila@clinic.example", "role": "doctor"})

    assert "The mail could not be sent" in answer.text
    assert "/join/" in answer.text


def test_inviting_somebody_with_an_account_says_so(omar, asha, signed_in):
    answer = signed_in(omar).post("/people/invite/", {"email": "asha@clinic.example", "role": "doctor"})

    assert answer.status_code == 422
    assert "already has an account" in answer.text


def test_an_invitation_is_ended(omar, signed_in, now):
    sent = people.invite_person("nila@clinic.example", "doctor", by=omar, at=now)

    signed_in(omar).post(f"/people/invitations/{sent.invitation.pk}/revoke/")

    assert Invitation.objects.get().revoked_at is not None


def test_the_clinic_is_saved(omar, signed_in):
    client = signed_in(omar)
    data = {
        "name": "Banyan Clinic",
        "address": "12 Karve Road",
        "phone": "020 5550 4410",
        "email": "desk@banyan.example",
        "region": "IN",
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "language": "en-GB",
        "tax_rate": "18.00",
        "payment_terms_days": "30",
        "payment_instructions": "By bank transfer.",
        "audio_retention": "after_signing",
        "audio_retention_days": "14",
        "record_retention_years": "7",
        "minor_retention_years": "7",
        "majority_age": "18",
        "erasure_cool_off_days": "3",
        "backup_warn_hours": "30",
        "consent_valid_days": "180",
        "idle_lock_minutes": "10",
        "abandoned_session_hours": "8",
        "unsigned_report_days": "5",
        "crisis_line": "Telefonseelsorge 0800 1110111",
        "vocabulary": "Lakeside House\r\nEMDR",
        "opening_hour": "7",
        "closing_hour": "20",
        "message_channels": "email",
        "reminder_hours": "48, 2",
        "quiet_from_hour": "21",
        "quiet_until_hour": "8",
        "cancel_notice_hours": "24",
    }

    answer = client.post("/settings/clinic/", {**data, "phone": "+49 30 901820", "region": "DE"})
    upside_down = client.post("/settings/clinic/", {**data, "phone": "", "opening_hour": "20", "closing_hour": "7"})

    clinic = ClinicSettings.load()
    assert answer.status_code == 302
    assert (clinic.name, clinic.currency, str(clinic.tax_rate), clinic.opening_hour) == (
        "Banyan Clinic",
        "EUR",
        "18.00",
        7,
    )
    assert clinic.phone == "+49 30 901820"
    assert clinic.abandoned_session_hours == 8
    assert (clinic.unsigned_report_days, clinic.crisis_line) == (5, "Telefonseelsorge 0800 1110111")
    assert clinic.vocabulary.split() == ["Lakeside", "House", "EMDR"]
    assert (clinic.audio_retention, clinic.audio_retention_days) == ("after_signing", 14)
    assert upside_down.status_code == 422


def test_times_are_shown_in_the_readers_zone(asha, omar, signed_in):
    User.objects.filter(pk=asha.pk).update(last_login="2025-03-02T23:30:00Z")
    omar.profile.timezone = "Asia/Tokyo"
    omar.profile.save()

    assert "3 Mar 2025, 8:30" in signed_in(omar).get("/people/").text


def clinic_values(**changes):
    """Return what the settings form is filled with, and changes to it."""
    form = ClinicForm(instance=ClinicSettings.load())
    values = {name: form[name].field.prepare_value(form[name].initial) for name in form.fields}
    return {name: "" if value is None else value for name, value in values.items()} | changes


def test_the_clinics_times_of_reminders_are_hours_in_order(signed_in, omar):
    client = signed_in(omar)

    client.post("/settings/clinic/", clinic_values(reminder_hours="2, 48,48", quiet_from_hour=22))
    refused = client.post("/settings/clinic/", clinic_values(reminder_hours="2, soon"))

    clinic = ClinicSettings.load()
    assert (clinic.reminder_hours, clinic.quiet_from_hour) == ([48, 2], 22)
    assert refused.status_code == 422
    assert "separated by commas" in refused.content.decode()


def test_sms_cannot_be_chosen_where_it_is_not_set_up(signed_in, omar, settings):
    settings.SMS_BACKEND = ""
    page = signed_in(omar).get("/settings/clinic/").content.decode()
    refused = signed_in(omar).post("/settings/clinic/", clinic_values(message_channels="both"))

    assert "SMS is not set up on this server" in page
    assert "Test SMS" not in page
    assert refused.status_code == 422


def test_an_administrator_tries_messages_out_on_themselves(signed_in, omar, rita):
    answer = signed_in(omar).post("/settings/clinic/test-message/", {"channel": "email"}, follow=True)

    assert "on its way to omar@clinic.example" in answer.content.decode()
    assert mail.outbox[0].recipients() == ["omar@clinic.example"]
    assert signed_in(rita).post("/settings/clinic/test-message/").status_code == 403

"""People and the clinic, by an administrator's requests."""

import re

import pytest
from django.core import mail

from synapse.accounts import people
from synapse.accounts.clinic_forms import ClinicForm
from synapse.accounts.models import ClinicSettings, Invitation, User
from synapse.audit.models import AuditEvent, Outcome


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
    refused = [
        client.post("/settings/clinic/", clinic_values(reminder_hours=typed))
        for typed in ("2, soon", "2, ²", "9" * 5000)
    ]

    clinic = ClinicSettings.load()
    assert (clinic.reminder_hours, clinic.quiet_from_hour) == ([48, 2], 22)
    for response in refused:
        assert response.status_code == 422
        assert "separated by commas" in response.content.decode()


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

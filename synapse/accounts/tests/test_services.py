import pytest
from django.core import mail
from django.test import RequestFactory

from synapse.accounts import services, throttle
from synapse.accounts.choices import NotificationEvent
from synapse.accounts.models import ClinicSettings, SignInThrottle, User
from synapse.audit.models import Action, AuditEvent, Outcome
from synapse.common.errors import NotAllowed
from synapse.testing.plugin import PASSWORD

ADDRESS = "203.0.113.7"


def sign_in(name, password, at, address=ADDRESS):
    return services.check_credentials(RequestFactory().post("/"), name, password, address=address, at=at)


@pytest.mark.parametrize("name", ["asha", "ASHA", "asha@clinic.example", " Asha@Clinic.Example "])
def test_people_sign_in_by_user_name_or_email_whatever_the_case(asha, now, name):
    assert sign_in(name, PASSWORD, now) == asha


def test_a_sign_in_leaves_a_trace(asha, now):
    sign_in("asha", PASSWORD, now)

    event = AuditEvent.objects.get(action=Action.SIGN_IN)
    assert (event.actor_id, event.outcome) == (asha.pk, Outcome.ALLOWED)


def test_the_typed_name_is_in_no_audit_row(asha, now):
    with pytest.raises(services.SignInRefused):
        sign_in("my-secret-password-in-the-wrong-field", "x", now)

    event = AuditEvent.objects.get(action=Action.SIGN_IN_FAILED)
    assert "secret" not in f"{event.actor_label}{event.target_id}{event.target_label}{event.detail}"


def test_a_deactivated_person_cannot_sign_in(asha, now):
    User.objects.filter(pk=asha.pk).update(is_active=False)

    with pytest.raises(services.SignInRefused):
        sign_in("asha", PASSWORD, now)


def test_neither_name_nor_address_is_stored(now, db):
    throttle.count_failure("reset", "asha", ADDRESS, at=now)

    keys = list(SignInThrottle.objects.values_list("key", flat=True))
    assert len(keys) == 2
    assert all(len(key) == 64 and "asha" not in key and ADDRESS not in key for key in keys)


def test_few_tries_left_are_said(now):
    assert services.SignInRefused(9).warning == ""
    assert services.SignInRefused(3).warning.startswith("3 tries left")
    assert services.SignInRefused(1).warning.startswith("1 try left")
    assert "waits 15 minutes" in services.SignInRefused(0).warning


def test_a_reset_is_mailed_to_the_account_it_belongs_to(asha, now, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        services.request_password_reset("Asha@clinic.example", address=ADDRESS, at=now)

    (message,) = mail.outbox
    assert message.to == ["asha@clinic.example"]
    assert "/password/new/" in message.body


@pytest.mark.parametrize("email", ["nobody@clinic.example", ""])
def test_a_reset_for_an_unknown_address_says_and_sends_nothing(asha, now, email, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        services.request_password_reset(email, address=ADDRESS, at=now)

    assert mail.outbox == []


def test_a_mail_box_cannot_be_flooded_with_resets(asha, now, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(services.RESETS_PER_WINDOW + 2):
            services.request_password_reset("asha@clinic.example", address=ADDRESS, at=now)

    assert len(mail.outbox) == services.RESETS_PER_WINDOW


def test_a_reset_link_works_until_the_password_changes(asha, now):
    _, _, _, uid, token, _ = services.reset_path(asha).split("/")
    assert services.user_of_reset(uid, token) == asha

    services.change_password(asha, "three unrelated words", by=asha, at=now)

    assert services.user_of_reset(uid, token) is None


@pytest.mark.parametrize(("uid", "token"), [("", ""), ("x", "y"), ("AAAA", "y"), ("bm90LWEtdXVpZA", "y")])
def test_a_broken_reset_link_belongs_to_nobody(asha, uid, token):
    assert services.user_of_reset(uid, token) is None


def test_a_changed_password_is_audited_and_its_owner_told(asha, now, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        services.change_password(asha, "three unrelated words", by=asha, at=now)

    asha.refresh_from_db()
    assert asha.check_password("three unrelated words")
    assert AuditEvent.objects.get(action=Action.ADMINISTER).detail == {"verb": "change_password"}
    assert [message.to for message in mail.outbox] == [["asha@clinic.example"]]


def test_a_profile_change_names_the_fields_and_not_the_values(asha, now):
    services.update_profile(asha, {"first_name": "Aasha", "license_number": "MMC-1"}, by=asha, at=now)

    asha.refresh_from_db()
    assert (asha.first_name, asha.profile.license_number) == ("Aasha", "MMC-1")
    assert AuditEvent.objects.get(action=Action.UPDATE).detail == {"fields": ["first_name", "license_number"]}


def test_saving_an_unchanged_profile_leaves_no_trace(asha, now):
    services.update_profile(asha, {"first_name": "Asha"}, by=asha, at=now)

    assert not AuditEvent.objects.exists()


def test_nobody_but_the_administrator_changes_another_profile(asha, ben, omar, now):
    with pytest.raises(NotAllowed):
        services.update_profile(asha, {"first_name": "X"}, by=ben, at=now)

    services.update_profile(asha, {"first_name": "Aasha"}, by=omar, at=now)
    asha.refresh_from_db()
    assert asha.first_name == "Aasha"


def test_only_the_administrator_changes_the_clinic(asha, omar):
    with pytest.raises(NotAllowed):
        services.update_clinic({"name": "Mine"}, by=asha)

    services.update_clinic({"name": "Banyan Clinic"}, by=omar)

    assert ClinicSettings.load().name == "Banyan Clinic"
    assert AuditEvent.objects.get(action=Action.ADMINISTER).detail == {"fields": ["name"]}


@pytest.mark.parametrize("event", NotificationEvent)
def test_an_event_is_mailed_to_those_who_asked(asha, ben, event, now, django_capture_on_commit_callbacks):
    services.update_profile(asha, {"notification_settings": {event.value: "mail"}}, by=asha, at=now)
    services.update_profile(ben, {"notification_settings": {event.value: "none"}}, by=ben, at=now)

    with django_capture_on_commit_callbacks(execute=True):
        services.notify(asha, event)
        services.notify(ben, event)

    assert [message.to for message in mail.outbox] == [["asha@clinic.example"]]

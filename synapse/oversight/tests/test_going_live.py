"""The list before the first patient sees what is wrong, says what to do, and keeps who saw to the rest."""

import pytest
from django.urls import reverse

from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common import readiness
from synapse.common.readiness import State
from synapse.oversight import going_live
from synapse.oversight.models import Confirmation

PAGE = "oversight:going_live"


def look(name):
    return {check.name: check for check in readiness.registered()}[name].look()


def test_every_line_looks_without_error_and_says_what_to_do(db):
    for check in readiness.registered():
        standing = check.look()
        assert standing.found, check.name
        assert standing.remedy or standing.state == State.DONE, check.name


@pytest.mark.parametrize(
    ("name", "setting", "bad", "good"),
    [
        ("mode", "IS_PRODUCTION", False, True),
        ("address", "BASE_URL", "http://localhost:8000", "https://clinic.example"),
        ("mail", "EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "django.core.mail.backends.smtp.EmailBackend"),
        ("proxy", "TRUSTED_PROXIES", [], ["10.0.0.1"]),
    ],
)  # fmt: skip
def test_a_setting_is_seen(db, settings, name, setting, bad, good):
    setattr(settings, setting, bad)
    assert look(name).state != State.DONE

    setattr(settings, setting, good)
    assert look(name).state == State.DONE


def test_people_without_a_second_factor_a_lone_administrator_and_demo_logins_are_seen(db, omar):
    omar.username = "admin"
    omar.save(update_fields=["username"])

    assert [look(name).state for name in ("second-factor", "administrators", "demo")] == [State.OPEN] * 3
    omar.is_active = False
    omar.save(update_fields=["is_active"])
    assert look("demo").state == State.DONE


def test_a_clinic_without_a_name_is_seen(db):
    assert look("clinic").state == State.OPEN
    ClinicSettings.objects.update_or_create(pk=1, defaults={"name": "Banyan", "address": "1 Road"})
    assert look("clinic").state == State.DONE


def test_an_administrator_confirms_what_no_program_sees(client, omar):
    client.force_login(omar)

    page = client.post(reverse("oversight:going_live_confirm", args=["keys-copied"]), follow=True)

    assert "Omar" in page.content.decode()
    assert Confirmation.objects.get().name == "keys-copied"
    assert AuditEvent.objects.filter(target_type="oversight.Confirmation", target_id="keys-copied").exists()
    assert client.post(reverse("oversight:going_live_confirm", args=["no-such-line"])).status_code == 404


def test_nobody_else_sees_or_confirms_it(client, asha, rita):
    for person in (asha, rita):
        client.force_login(person)
        assert client.get(reverse(PAGE)).status_code == 403
        assert client.post(reverse("oversight:going_live_confirm", args=["keys-copied"])).status_code == 403
    assert not Confirmation.objects.exists()
    assert len({line.name for line in going_live.BY_HAND}) == len(going_live.BY_HAND)

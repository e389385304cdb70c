import pytest
from django.contrib import admin

from synapse.accounts.models import ClinicSettings
from synapse.audit.models import Action, AuditEvent


def test_the_set_up_pages_open_for_administrators_only(asha, rita, omar, signed_in):
    assert signed_in(omar).get("/admin/").status_code == 200
    for user in (asha, rita):
        assert signed_in(user).get("/admin/", follow=True).status_code == 403


def test_strangers_are_sent_to_the_apps_own_sign_in(client, db):
    answer = client.get("/admin/", follow=True)

    assert answer.redirect_chain[-1][0].startswith("/sign-in/")


def test_the_staff_flag_opens_nothing(asha, signed_in):
    asha.is_staff = asha.is_superuser = True
    asha.save()

    assert signed_in(asha).get("/admin/", follow=True).status_code == 403


def test_a_role_changed_here_follows_the_rules_and_is_audited(asha, omar, signed_in):
    data = {"first_name": "Asha", "last_name": "Rao", "role": "receptionist", "is_active": "on"}

    signed_in(omar).post(f"/admin/accounts/user/{asha.pk}/change/", data)

    asha.refresh_from_db()
    assert asha.role == "receptionist"
    assert AuditEvent.objects.filter(action=Action.ADMINISTER, detail__verb="change_role").exists()


def test_ones_own_role_cannot_be_changed_here_either(omar, signed_in):
    data = {"first_name": "Omar", "last_name": "Haddad", "role": "doctor", "is_active": "on"}

    answer = signed_in(omar).post(f"/admin/accounts/user/{omar.pk}/change/", data, follow=True)

    omar.refresh_from_db()
    assert omar.role == "admin"
    assert "your own role" in answer.text


@pytest.mark.parametrize("verb", ["add/", "{pk}/delete/"])
def test_people_are_neither_added_nor_deleted_here(asha, omar, signed_in, verb):
    answer = signed_in(omar).get(f"/admin/accounts/user/{verb.format(pk=asha.pk)}")

    assert answer.status_code == 403


def test_the_clinic_is_saved_through_its_service(omar, signed_in):
    ClinicSettings.load()
    client = signed_in(omar)
    form = client.get("/admin/accounts/clinicsettings/1/change/").context["adminform"].form
    data = {name: form[name].value() for name in form.fields} | {"name": "Banyan Clinic"}

    client.post("/admin/accounts/clinicsettings/1/change/", data)

    assert ClinicSettings.load().name == "Banyan Clinic"
    assert AuditEvent.objects.filter(action=Action.ADMINISTER, detail__fields=["name"]).exists()


def test_no_table_of_the_queue_or_of_groups_is_offered(db):
    labels = {model._meta.app_label for model in admin.site._registry}

    assert not labels & {"django_q", "auth"}

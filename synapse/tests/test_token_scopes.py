"""A token's scopes narrow every `visible_to` of every app, because each asks `User.may`."""

import pytest
from django.apps import apps
from django.core.exceptions import EmptyResultSet

from billing.models import Bill
from patients.models import EmergencyAccess
from patients.tests.factories import make_patient
from sessions_app.models import ConsultationSession
from sessions_app.tests.factories import make_session
from synapse import workflows
from synapse.accounts.roles import Role
from synapse.accounts.scopes import Scope, permissions_of

# What every token opens: who the patients are, when they come, and what a person set up for themselves.
OPEN_TO_ALL = {
    "accounts.ApiToken",
    "patients.Handover",
    "patients.Patient",
    "records.DataImport",
    "scheduling.Appointment",
    "scheduling.AppointmentMessage",
    "scheduling.AppointmentSeries",
    "scheduling.FreedSlot",
    "scheduling.WaitingEntry",
    "scheduling.WalkIn",
    "webhooks.WebhookDelivery",
    "webhooks.WebhookEndpoint",
}


def scoped_models():
    return [model for model in apps.get_models() if hasattr(model._default_manager, "visible_to")]


def opens(model, user):
    try:
        model._default_manager.visible_to(user).query.get_compiler("default").as_sql()
    except EmptyResultSet:
        return False
    return True


@pytest.mark.parametrize("role", Role.values)
def test_without_its_scope_no_row_is_in_sight(asha, role):
    asha.role = role
    asha.limited_to = permissions_of([Scope.READ, Scope.WRITE])

    assert {model._meta.label for model in scoped_models() if opens(model, asha)} <= OPEN_TO_ALL


@pytest.mark.parametrize(
    ("scope", "opened", "closed"),
    [
        (Scope.CLINICAL, "reports.Report", "billing.Bill"),
        (Scope.BILLING, "billing.Bill", "reports.Report"),
    ],
)
def test_a_scope_opens_its_own_rows_and_no_others(asha, scope, opened, closed):
    asha.limited_to = permissions_of([Scope.READ, scope])

    assert opens(apps.get_model(opened), asha)
    assert not opens(apps.get_model(closed), asha)


@pytest.mark.parametrize("role", Role.values)
def test_a_token_with_every_scope_opens_what_the_role_opens_but_emergencies(asha, role):
    asha.role = role
    seen = {model for model in scoped_models() if opens(model, asha)} - {EmergencyAccess}

    asha.limited_to = permissions_of(Scope)

    assert {model for model in scoped_models() if opens(model, asha)} == seen


def test_a_program_without_the_scope_for_bills_completes_a_session(asha, now):
    session = ConsultationSession.objects.get(pk=make_session(asha).pk)
    asha.limited_to = permissions_of([Scope.READ, Scope.WRITE, Scope.CLINICAL])

    bill = workflows.complete_consultation(session, by=asha, at=now)

    assert bill.status == "pending"
    assert not Bill.objects.visible_to(asha).exists()


def test_the_clinical_part_of_a_patient_is_read_with_its_scope_only(bearer, asha):
    patient = make_patient(asha, allergies="penicillin", notes="CANARY")

    plain = bearer(asha, scopes=["read", "billing"]).get(f"/api/v1/patients/{patient.pk}/").json()
    clinical = bearer(asha, scopes=["read", "clinical"]).get(f"/api/v1/patients/{patient.pk}/").json()

    assert "notes" not in plain
    assert clinical["notes"] == "CANARY"

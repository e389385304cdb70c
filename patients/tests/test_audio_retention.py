"""How long one patient's recordings are kept: set by a treating doctor, within what the clinic allows."""

import pytest
from django.urls import reverse
from django.utils import timezone

from patients import services
from patients.permissions import ArchivedRecord
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import DomainError, NotAllowed

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def patient(asha):
    return make_patient(asha)


def post(client, patient, **data):
    return client.post(reverse("patients:audio_retention", args=[patient.pk]), data)


@pytest.mark.parametrize(("rule", "days"), [("keep", None), ("days", 90), ("after_signing", None), ("", None)])
def test_a_doctor_sets_the_rule_and_the_trail_names_it(patient, asha, now, rule, days):
    services.set_audio_retention(patient, rule="days", days=7, by=asha, at=now)

    stored = services.set_audio_retention(patient, rule=rule, days=days, by=asha, at=now)

    assert (stored.audio_retention, stored.audio_retention_days) == (rule, days)
    detail = AuditEvent.objects.filter(action="update").latest("seq").detail
    assert (detail["verb"], detail["rule"], detail.get("days")) == ("set_audio_retention", rule or "clinic", days)


def test_the_same_rule_again_is_no_change(patient, asha, now):
    for _ in range(2):
        services.set_audio_retention(patient, rule="days", days=7, by=asha, at=now)

    assert AuditEvent.objects.filter(action="update", patient_id=patient.pk).count() == 1


@pytest.mark.parametrize(("rule", "days"), [("days", None), ("keep", 7), ("", 7), ("for ever", None)])
def test_a_rule_that_says_nothing_is_refused(patient, asha, now, rule, days):
    with pytest.raises(DomainError):
        services.set_audio_retention(patient, rule=rule, days=days, by=asha, at=now)


def test_only_a_treating_doctor_sets_it(patient, asha, ben, rita, omar, now):
    for person in (ben, rita, omar):
        with pytest.raises(NotAllowed):
            services.set_audio_retention(patient, rule="keep", days=None, by=person, at=now)
    services.archive_patient(patient, by=asha, at=now)
    patient.refresh_from_db()
    with pytest.raises(ArchivedRecord):
        services.set_audio_retention(patient, rule="keep", days=None, by=asha, at=now)


def test_the_page_takes_the_rule_and_says_what_is_missing(patient, asha, signed_in):
    client = signed_in(asha)

    refused = post(client, patient, rule="days", days="")
    taken = post(client, patient, rule="days", days="45")
    ignored = post(client, patient, rule="after_signing", days="45")

    assert (refused.status_code, taken.status_code, ignored.status_code) == (422, 302, 302)
    assert "Say after how many days" in refused.content.decode()
    patient.refresh_from_db()
    assert (patient.audio_retention, patient.audio_retention_days) == ("after_signing", None)


def test_the_page_is_for_treating_doctors(patient, ben, rita, omar, signed_in):
    assert post(signed_in(ben), patient, rule="keep").status_code == 404
    assert post(signed_in(rita), patient, rule="keep").status_code == 403
    assert post(signed_in(omar), patient, rule="keep").status_code == 403


def test_the_page_says_the_clinics_rule_and_what_holds_without_consent(patient, asha, rita, signed_in):
    ClinicSettings.load()
    ClinicSettings.objects.update(audio_retention="days", audio_retention_days=21)
    address = reverse("patients:consents", args=[patient.pk])

    page = signed_in(asha).get(address).content.decode()

    assert "The clinic’s rule: delete it after 21 days." in page
    assert "at the latest 21 days after the session" in page
    assert "Save the rule" not in signed_in(rita).get(address).content.decode()

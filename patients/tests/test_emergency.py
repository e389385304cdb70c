"""Break the glass: one patient, one hour, a reason; told at once, judged afterwards, and never for writing."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from patients import services
from patients.consents import services as consent
from patients.emergency import services as emergency
from patients.merging import accesses
from patients.merging import services as merging
from patients.models import EmergencyAccess, Patient, PatientAccess
from patients.tests.factories import make_patient
from synapse.accounts.throttle import TooManyTries
from synapse.audit.models import Action, AuditEvent
from synapse.common import erasures
from synapse.common.errors import Conflict, NotAllowed

REASON = "Found unconscious, the ward asks what she takes."
Kind = EmergencyAccess.Kind


@pytest.fixture
def patient(asha) -> Patient:
    return make_patient(doctor=asha, first_name="Kavya", last_name="Iyer")


def open_it(patient, by, at=None, **changes) -> EmergencyAccess:
    values = {"kind": Kind.DANGER, "reason": REASON} | changes
    return emergency.open_record(patient, **values, by=by, at=at or timezone.now())


def test_it_opens_one_patient_for_one_hour_by_the_query_itself(patient, asha, ben):
    other = make_patient(doctor=asha)

    opened = open_it(patient, ben)
    visible = set(Patient.objects.visible_to(ben))
    opened.accesses.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert visible == {patient}
    assert other not in visible
    assert opened.expires_at - opened.started_at == timedelta(hours=1)
    assert not Patient.objects.visible_to(ben).exists()
    assert opened.accesses.get().ended_at is None  # no sweep had to run
    event = AuditEvent.objects.filter(action=Action.EMERGENCY).get()
    assert (event.patient_id, event.detail["kind"]) == (patient.pk, Kind.DANGER)
    assert REASON not in str(event.detail)


def test_administrators_and_the_patients_doctors_are_told_without_a_word_about_the_patient(
    patient, asha, ben, omar, rita, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        open_it(patient, ben)

    texts = [f"{message.subject} {message.body}" for message in mail.outbox]
    assert {message.to[0] for message in mail.outbox} == {asha.email, omar.email}
    assert not any(word in text for text in texts for word in ("Kavya", "Iyer", patient.patient_id, "unconscious"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"reason": "  short "}, "reason"), ({"reason": ""}, "reason"), ({"kind": "curious"}, "kind")],
)
def test_a_kind_and_a_sentence_are_asked_for(patient, ben, changes, field):
    with pytest.raises(emergency.BadEmergency) as refused:
        open_it(patient, ben, **changes)

    assert refused.value.field == field
    assert not PatientAccess.objects.filter(doctor=ben).exists()


def test_reception_administrators_and_the_patients_own_doctor_break_no_glass(patient, asha, rita, omar):
    for person in (rita, omar):
        with pytest.raises(NotAllowed):
            open_it(patient, person)
        with pytest.raises(NotAllowed):
            emergency.find_patient(number=patient.patient_id, by=person, at=timezone.now())
    with pytest.raises(Conflict):
        open_it(patient, asha)


def test_only_the_number_or_the_whole_name_and_birth_date_find_somebody(patient, ben):
    now, born = timezone.now(), patient.date_of_birth
    look = {"by": ben, "at": now}

    by_number = emergency.find_patient(number=patient.patient_id.lower(), **look)
    by_name = emergency.find_patient(first_name="kavya", last_name="IYER", born=born, **look)
    for guess in (
        {"number": patient.patient_id[:-1]},
        {"first_name": "Kavy", "last_name": "Iyer", "born": born},
        {"first_name": "Kavya", "last_name": "Iyer", "born": born + timedelta(days=1)},
        {"first_name": "Kavya", "last_name": "Iyer"},
    ):
        with pytest.raises(emergency.NoSuchPatient):
            emergency.find_patient(**guess, **look)

    assert by_number == by_name == patient
    assert AuditEvent.objects.filter(action=Action.EMERGENCY, actor_id=ben.pk).count() == 6


def test_guessing_numbers_is_paused(patient, ben):
    now = timezone.now()
    for _ in range(emergency.MOST_TRIES):
        with pytest.raises(emergency.NoSuchPatient):
            emergency.find_patient(number="PAT-00000001", by=ben, at=now)

    with pytest.raises(TooManyTries):
        emergency.find_patient(number=patient.patient_id, by=ben, at=now)


def test_twins_who_cannot_be_told_apart_are_both_not_found(patient, asha, ben):
    make_patient(doctor=asha, first_name="Kavya", last_name="Iyer", date_of_birth=patient.date_of_birth)

    with pytest.raises(emergency.NoSuchPatient):
        emergency.find_patient(
            first_name="Kavya", last_name="Iyer", born=patient.date_of_birth, by=ben, at=timezone.now()
        )


def test_one_at_a_time_and_each_further_one_is_counted(patient, asha, ben):
    now = timezone.now()
    first = open_it(patient, ben, at=now)
    again = open_it(patient, ben, at=now + timedelta(minutes=5))
    PatientAccess.objects.filter(emergency=first).update(expires_at=now - timedelta(seconds=1))
    later = open_it(patient, ben, at=now + timedelta(hours=2))

    assert again == first
    assert (first.earlier_count, later.earlier_count) == (0, 1)
    assert EmergencyAccess.objects.count() == 2


def test_given_back_early_it_opens_nothing_more(patient, asha, ben):
    now = timezone.now()
    opened = open_it(patient, ben, at=now)

    with pytest.raises(NotAllowed):
        emergency.end_early(opened, by=asha, at=now)
    emergency.end_early(opened, by=ben, at=now)

    assert not Patient.objects.visible_to(ben).exists()
    assert not EmergencyAccess.objects.live(now).exists()


def test_it_opens_every_record_of_a_merged_person(patient, asha, ben, omar):
    other = make_patient(doctor=asha)
    merging.merge_records(patient, other, choices={}, reason="Same person.", by=omar, at=timezone.now())

    open_it(patient, ben)

    assert set(Patient.objects.visible_to(ben)) == {patient, other}


def test_it_is_for_reading_nothing_of_the_record_changes_and_nothing_keeps_it_open(patient, ben, rita):
    now = timezone.now()
    open_it(patient, ben, at=now)
    refused = [
        lambda: services.update_patient(patient, {"occupation": "Baker"}, by=ben, at=now),
        lambda: services.append_clinical_facts(patient, medications=["Lithium"], by=ben, at=now),
        lambda: services.archive_patient(patient, by=ben, at=now),
        lambda: services.share_patient(patient, doctor=ben, by=ben, at=now),
        lambda: consent.record_consent(patient, "recording", method="verbal", by=ben, at=now),
        lambda: services.grant_access(patient, doctor=ben, source="booked", by=ben, at=now),
    ]

    for change in refused:
        with pytest.raises(NotAllowed) as said:
            change()
        assert said.value.code == "emergency_only"
    booked = services.grant_access(patient, doctor=ben, source="booked", by=rita, at=now)
    assert booked.expires_at is None
    assert accesses.Source.EMERGENCY in {access.source for access in patient.accesses.open()}


def test_an_administrator_judges_it_once_when_it_is_over(patient, asha, ben, omar):
    now = timezone.now()
    opened = open_it(patient, ben, at=now)
    after = now + timedelta(hours=1, seconds=1)

    def judge(by, at, verdict="justified", note=""):
        emergency.review(opened, verdict=verdict, note=note, by=by, at=at)

    with pytest.raises(Conflict):
        judge(omar, now)
    for person in (asha, ben):
        with pytest.raises(NotAllowed):
            judge(person, after)
    with pytest.raises(emergency.BadEmergency):
        judge(omar, after, "not_justified")
    judge(omar, after, "not_justified", "The ward never called. He is spoken to.")
    with pytest.raises(Conflict):
        judge(omar, after)

    opened.refresh_from_db()
    assert (opened.verdict, opened.reviewed_by, opened.reviewed_at) == ("not_justified", omar, after)
    assert opened.review_note.startswith("The ward")
    assert not EmergencyAccess.objects.to_review().exists()


def test_who_sees_it(patient, asha, ben, omar, rita):
    opened = open_it(patient, ben)

    seen = {person.username for person in (asha, ben, omar, rita) if EmergencyAccess.objects.visible_to(person)}

    assert seen == {"asha", "ben", "omar"}
    assert opened.patient == patient


def test_an_erased_patient_leaves_who_and_when_but_no_words(patient, ben, now):
    opened = open_it(patient, ben)

    erased = erasures.registered()["patients"](patient.pk, now)

    opened.refresh_from_db()
    assert erased["emergency accesses"] == 1
    assert (opened.reason, opened.review_note, opened.doctor) == ("", "", ben)

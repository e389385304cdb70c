"""Rules of registering, changing, archiving and sharing, and what each leaves in the audit trail."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from patients import services
from patients.models import Patient, PatientAccess, PatientToken
from patients.permissions import ArchivedRecord, FieldNotWritable
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import Action, AuditEvent
from synapse.common.errors import Conflict, NotAllowed
from synapse.common.models import Job
from synapse.encryption import blind_index

NAME = {"first_name": "Mira", "last_name": "Banerjee", "date_of_birth": date(1988, 3, 2)}


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("seq")


def test_a_doctor_registers_for_themselves(asha, now):
    patient = services.register_patient(NAME, by=asha, at=now)

    assert patient.patient_id == f"PAT-{ClinicSettings.load().date_of(now).year}0001"
    assert patient.created_by == asha
    access = patient.accesses.get()
    assert (access.doctor, access.source, access.granted_at) == (asha, "registered", now)


def test_reception_and_administrator_name_the_doctor(asha, rita, omar, now):
    for person in (rita, omar):
        patient = services.register_patient(NAME, doctor=asha, by=person, at=now)

        assert patient.created_by == person
        assert Patient.objects.visible_to(asha).filter(pk=patient.pk).exists()
        with pytest.raises(NotAllowed) as refused:
            services.register_patient(NAME, by=person, at=now)
        assert (refused.value.code, refused.value.status) == ("doctor_missing", 400)


def test_a_doctor_does_not_register_for_a_colleague(asha, ben, now):
    with pytest.raises(NotAllowed):
        services.register_patient(NAME, doctor=ben, by=asha, at=now)


def test_only_a_working_doctor_gets_patients(asha, rita, omar, now):
    asha.is_active = False
    asha.save()

    for somebody in (asha, omar):
        with pytest.raises(NotAllowed):
            services.register_patient(NAME, doctor=somebody, by=rita, at=now)


def test_numbers_go_up_within_the_clinics_year(asha, now):
    numbers = [make_patient(asha, at=now).patient_id for _ in range(3)]

    assert [number[-4:] for number in numbers] == ["0001", "0002", "0003"]


def test_the_years_number_goes_by_the_clinics_zone(asha):
    just_before = timezone.datetime(2026, 12, 31, 18, 40, tzinfo=timezone.get_fixed_timezone(0))

    patient = services.register_patient(NAME, by=asha, at=just_before)

    assert patient.patient_id == "PAT-20270001"


def test_phones_are_stored_as_e164_and_text_is_trimmed(asha, now):
    fields = {**NAME, "first_name": " Mira ", "phone_primary": "98200 41733", "phone_secondary": "+44 20 7946 0123"}

    patient = services.register_patient(fields, by=asha, at=now)

    patient.refresh_from_db()
    assert patient.first_name == "Mira"
    assert (patient.phone_primary, patient.phone_secondary) == ("+919820041733", "+442079460123")


def test_a_phone_that_cannot_be_one_is_refused(asha, now):
    with pytest.raises(services.BadPhone) as refused:
        services.register_patient({**NAME, "emergency_contact_phone": "12"}, by=asha, at=now)

    assert refused.value.field == "emergency_contact_phone"
    assert not Patient.objects.exists()


def test_hashes_are_keyed(asha, now):
    patient = services.register_patient({**NAME, "email": "Mira@Example.org"}, by=asha, at=now)

    assert patient.name_hash == blind_index.hash_name("mira", "banerjee")
    assert patient.email_hash == blind_index.hash_email("mira@example.org")
    assert patient.phone_hash == ""


def test_registering_is_recorded_without_a_value(asha, now):
    patient = services.register_patient(NAME, by=asha, at=now)

    event = last_event()
    assert (event.action, event.actor_id, event.patient_id) == (Action.CREATE, asha.pk, patient.pk)
    assert event.target_label == patient.patient_id
    assert "Mira" not in str(event.__dict__)


@pytest.mark.parametrize("field", ["allergies", "medical_history", "current_medications", "notes", "tags"])
@pytest.mark.parametrize("role", ["rita", "omar"])
def test_reception_and_administrator_write_no_clinical_field(request, asha, now, role, field):
    person = request.getfixturevalue(role)
    patient = make_patient(asha)
    value = ["x"] if field == "tags" else "x"

    with pytest.raises(FieldNotWritable) as refused:
        services.update_patient(patient, {"occupation": "Baker", field: value}, by=person, at=now)
    with pytest.raises(FieldNotWritable):
        services.register_patient({**NAME, field: value}, doctor=asha, by=person, at=now)

    assert refused.value.fields == [field]
    patient.refresh_from_db()
    assert patient.occupation == ""


@pytest.mark.parametrize("field", ["created_by", "patient_id", "archived_at", "name_hash", "last_seen_at", "id"])
def test_nobody_writes_what_the_system_keeps(asha, now, field):
    with pytest.raises(FieldNotWritable):
        services.update_patient(make_patient(asha), {field: "x"}, by=asha, at=now)


def test_a_change_is_recorded_with_field_names_only(asha, now):
    patient = make_patient(asha)

    services.update_patient(
        patient, {"occupation": "Baker", "notes": "Dog called Rex", "last_name": "Iyer"}, by=asha, at=now
    )

    event = last_event()
    assert event.action == Action.UPDATE
    assert event.detail == {"fields": ["notes", "occupation"]}
    assert "Rex" not in str(event.__dict__)


def test_a_change_of_nothing_leaves_no_trace(asha, now):
    patient = make_patient(asha)
    seq = last_event().seq

    services.update_patient(patient, {"first_name": patient.first_name, "tags": []}, by=asha, at=now)

    assert last_event().seq == seq


def test_search_tokens_follow_the_name(asha, now):
    patient = make_patient(asha, first_name="Kavya")
    kept = set(PatientToken.objects.filter(patient=patient).values_list("token", flat=True))

    changed = services.update_patient(patient, {"first_name": "Leila"}, by=asha, at=now)

    tokens = set(PatientToken.objects.filter(patient=patient).values_list("token", flat=True))
    fresh = {token for _, token in blind_index.index_tokens(first_name="Leila", last_name="")}
    gone = {token for kind, token in blind_index.index_tokens(first_name="Kavya", last_name="") if kind == "word"}
    assert not tokens & gone
    assert {token for _, token in blind_index.index_tokens(first_name="", last_name="Iyer")} & tokens & kept
    assert len(tokens & fresh) > 3
    assert changed.name_hash == blind_index.hash_name("Leila", "Iyer")


def test_a_stale_copy_is_refused(asha, now):
    patient = make_patient(asha)
    read_at = patient.updated_at
    services.update_patient(patient, {"occupation": "Baker"}, by=asha, at=now, expected=read_at)

    with pytest.raises(services.StaleRecord):
        services.update_patient(patient, {"occupation": "Cook"}, by=asha, at=now, expected=read_at)

    patient.refresh_from_db()
    assert patient.occupation == "Baker"


def test_a_stranger_changes_nothing(asha, ben, now):
    with pytest.raises(NotAllowed):
        services.update_patient(make_patient(asha), {"occupation": "x"}, by=ben, at=now)


def test_facts_are_added_once(asha, now):
    patient = make_patient(
        asha, current_medications="Sertraline 50 mg", allergies="Penicillin", medical_history="Insomnia"
    )

    added = services.append_clinical_facts(
        patient,
        medications=["sertraline  50 mg", "Melatonin 2 mg"],
        allergies=["Latex, severe", "penicillin"],
        diagnoses=["Panic disorder", "Panic disorder", " "],
        by=asha,
        at=now,
    )

    patient.refresh_from_db()
    assert patient.current_medications == "Sertraline 50 mg\nMelatonin 2 mg"
    assert patient.allergy_list == ["Penicillin", "Latex; severe"]
    assert patient.medical_history == "Insomnia\nPanic disorder"
    assert added == {
        "current_medications": ["Melatonin 2 mg"],
        "allergies": ["Latex; severe"],
        "medical_history": ["Panic disorder"],
    }
    assert last_event().detail == {"verb": "append_clinical_facts", "fields": sorted(added)}


def test_only_a_treating_doctor_adds_facts(asha, ben, omar, now):
    patient = make_patient(asha)

    for person in (ben, omar):
        with pytest.raises(NotAllowed):
            services.append_clinical_facts(patient, allergies=["Latex"], by=person, at=now)


def test_an_archived_record_leaves_lists_and_stays_readable(asha, now):
    patient = services.archive_patient(make_patient(asha), by=asha, at=now)

    assert (patient.archived_at, patient.archived_by) == (now, asha)
    assert not Patient.objects.visible_to(asha).active().exists()
    assert Patient.objects.visible_to(asha).get() == patient
    assert last_event().action == Action.ARCHIVE


def test_nothing_in_an_archived_record_changes(asha, ben, now):
    patient = services.archive_patient(make_patient(asha), by=asha, at=now)

    with pytest.raises(ArchivedRecord):
        services.update_patient(patient, {"occupation": "x"}, by=asha, at=now)
    with pytest.raises(ArchivedRecord):
        services.append_clinical_facts(patient, allergies=["x"], by=asha, at=now)
    with pytest.raises(ArchivedRecord):
        services.share_patient(patient, doctor=ben, by=asha, at=now)
    with pytest.raises(Conflict):
        services.archive_patient(patient, by=asha, at=now)


def test_a_record_is_restored(asha, omar, now):
    patient = services.archive_patient(make_patient(asha), by=asha, at=now)

    patient = services.restore_patient(patient, by=omar, at=now)

    assert (patient.archived_at, patient.archived_by) == (None, None)
    assert Patient.objects.visible_to(asha).active().exists()
    with pytest.raises(Conflict):
        services.restore_patient(patient, by=omar, at=now)


def test_reception_archives_nothing(asha, rita, now):
    with pytest.raises(NotAllowed):
        services.archive_patient(make_patient(asha), by=rita, at=now)


def test_a_share_opens_the_record_and_its_end_closes_it(asha, ben, now):
    patient = make_patient(asha)

    access = services.share_patient(patient, doctor=ben, by=asha, at=now)
    assert Patient.objects.visible_to(ben).get() == patient
    services.end_share(access, by=asha, at=now + timedelta(days=1))

    assert not Patient.objects.visible_to(ben).exists()
    access.refresh_from_db()
    assert access.ended_at == now + timedelta(days=1)
    assert last_event().detail == {"verb": "end", "doctor": str(ben.pk), "source": "shared"}


def test_a_colleague_who_wants_mail_hears_of_a_share(asha, ben, now):
    ben.profile.notification_settings = {"patient_shared": "mail"}
    ben.profile.save()

    services.share_patient(make_patient(asha), doctor=ben, by=asha, at=now)

    job = Job.objects.get()
    assert (job.kind, job.object_id) == ("synapse.accounts.tasks.mail_patient_shared", ben.pk)


def test_a_share_is_given_once_and_to_a_doctor(asha, ben, rita, now):
    patient = make_patient(asha)
    services.share_patient(patient, doctor=ben, by=asha, at=now)

    with pytest.raises(Conflict):
        services.share_patient(patient, doctor=ben, by=asha, at=now)
    with pytest.raises(NotAllowed):
        services.share_patient(patient, doctor=rita, by=asha, at=now)
    with pytest.raises(NotAllowed):
        services.share_patient(patient, doctor=ben, by=rita, at=now)


def test_an_ended_share_is_not_ended_again(asha, ben, now):
    access = services.share_patient(make_patient(asha), doctor=ben, by=asha, at=now)
    services.end_share(access, by=asha, at=now)

    with pytest.raises(Conflict):
        services.end_share(access, by=asha, at=now)


def test_treatment_is_no_share_to_end(asha, omar, now):
    patient = make_patient(asha)

    with pytest.raises(Conflict):
        services.end_share(patient.accesses.get(), by=omar, at=now)


def test_access_is_granted_once_per_source(asha, ben, now):
    patient = make_patient(asha)

    first = services.grant_access(patient, doctor=ben, source=PatientAccess.Source.BOOKED, by=asha, at=now)
    again = services.grant_access(patient, doctor=ben, source=PatientAccess.Source.BOOKED, by=asha, at=now)

    assert first == again
    assert AuditEvent.objects.filter(action=Action.SHARE).count() == 1


def test_one_source_ends_and_another_stays_open(asha, ben, now):
    patient = make_patient(asha)
    services.grant_access(patient, doctor=ben, source=PatientAccess.Source.BOOKED, by=asha, at=now)
    services.grant_access(patient, doctor=ben, source=PatientAccess.Source.SEEN, by=ben, at=now)

    assert services.end_access(patient, doctor=ben, source=PatientAccess.Source.BOOKED, by=asha, at=now)

    assert Patient.objects.visible_to(ben).exists()
    assert not services.end_access(patient, doctor=ben, source=PatientAccess.Source.BOOKED, by=asha, at=now)


def test_being_seen_sets_the_date_and_leaves_open_forms_fresh(asha, now):
    patient = make_patient(asha)
    before = patient.updated_at

    services.grant_access(patient, doctor=asha, source=PatientAccess.Source.SEEN, by=asha, at=now)

    patient.refresh_from_db()
    assert patient.last_seen_at == now
    assert patient.updated_at == before


def test_an_unknown_role_sees_nobody(asha):
    make_patient(asha)
    asha.role = "janitor"

    assert not Patient.objects.visible_to(asha).exists()


def test_a_deactivated_doctor_sees_nobody(asha):
    make_patient(asha)
    asha.is_active = False

    assert not Patient.objects.visible_to(asha).exists()

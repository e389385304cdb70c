"""Two records of one person as one: what shows, who may open it, what was agreed, and the way back."""

from datetime import date, timedelta

import pytest
from django.apps import apps

from patients import queries, services
from patients.consents import services as consent
from patients.finding.listing import ARCHIVED, NO_CONSENT, list_patients
from patients.finding.search import search_patients
from patients.merging import services as merging
from patients.merging.duplicates import find_likely_duplicates
from patients.models import Consent, Patient, PatientAccess, PatientMerge
from patients.permissions import MergedRecord
from patients.tests.factories import make_patient
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed
from synapse.testing.plugin import make_user

RECORDING = Consent.Kind.RECORDING
SOURCE = PatientAccess.Source
NOT_COMPARED = {"AuditEvent", "AuditSubject", "ChainHead", "Counter", "PatientMerge", "Session", "ContentType"}


@pytest.fixture
def pair(asha, ben):
    """Asha's record and Ben's of the same woman, who married in between."""
    kept = make_patient(
        asha, first_name="Mira", last_name="Banerjee", phone_primary="+919820011111", allergies="Penicillin"
    )
    other = make_patient(
        ben,
        first_name="Mira",
        last_name="Sen",
        phone_primary="+919820022222",
        email="mira@example.org",
        allergies="penicillin, Latex",
        tags=["Anxious"],
    )
    return kept, other


@pytest.fixture
def carl(db):
    return make_user("carl", "doctor", "Carl", "Dias")


def merge(pair, omar, now, **choices):
    return merging.merge_records(*pair, choices=choices, reason="Same identity card.", by=omar, at=now)


def numbers(hits) -> list[str]:
    return [hit.patient.patient_id for hit in hits]


def found(text, by) -> list[str]:
    return numbers(search_patients(text, by=by, region="IN", today=date(2026, 1, 1)))


def dump() -> dict[str, list[dict]]:
    """Return every row of every table, less what tells of the merge itself and the time a row was last touched."""
    rows = {}
    for model in apps.get_models():
        if model.__name__ in NOT_COMPARED:
            continue
        columns = [field.attname for field in model._meta.concrete_fields if field.attname != "updated_at"]
        rows[model.__name__] = sorted(
            (
                {name: str(getattr(row, name)) for name in columns}
                for row in model._default_manager.all()
                if not (isinstance(row, PatientAccess) and row.ended_at)
            ),
            key=str,
        )
    return rows


def test_the_kept_record_takes_what_was_chosen_and_loses_nothing_about_health(pair, omar, now):
    kept, other = pair

    merge(pair, omar, now, last_name="other", phone_primary="kept")

    kept.refresh_from_db()
    other.refresh_from_db()
    assert (kept.full_name, kept.phone_primary, kept.email) == ("Mira Sen", "+919820011111", "mira@example.org")
    assert (kept.allergies, kept.tags) == ("Penicillin, Latex", ["Anxious"])
    assert (other.merged_into, other.archived_by, other.last_name) == (kept, omar, "Sen")
    assert set(kept.records()) == set(other.records()) == {kept, other}


def test_the_kept_record_is_found_by_the_other_name_phone_and_number(pair, omar, asha, now):
    kept, other = pair
    assert found("Mira Sen", omar) == [other.patient_id]

    merge(pair, omar, now)

    for text in ("Mira Sen", "Banerjee", "98200 22222", other.patient_id, "mira@example.org"):
        assert found(text, omar) == found(text, asha) == [kept.patient_id], text
    assert other not in list_patients(omar, show=ARCHIVED, at=now)


def test_a_newcomer_is_compared_with_both_names(pair, omar, now):
    kept, other = pair
    merge(pair, omar, now)

    likely = find_likely_duplicates(
        {"first_name": "Mira", "last_name": "Sen", "date_of_birth": other.date_of_birth}, by=omar
    )

    assert [(one.patient, one.same_name_and_birth_date) for one in likely] == [(kept, True)]


def test_doctors_of_either_record_open_both(pair, omar, asha, ben, now):
    merge(pair, omar, now)

    for doctor in (asha, ben):
        assert Patient.objects.visible_to(doctor).filter(pk__in=[one.pk for one in pair]).count() == 2


def test_what_is_shared_later_opens_both_records_and_closes_both(pair, omar, carl, now):
    kept, _other = pair
    merge(pair, omar, now)

    access = services.share_patient(kept, doctor=carl, by=omar, at=now)
    assert Patient.objects.visible_to(carl).count() == 2

    services.end_share(access, by=omar, at=now)
    assert not Patient.objects.visible_to(carl).exists()


def test_a_cover_does_not_become_longer_by_a_merge(pair, omar, carl, now):
    kept, other = pair
    until = now + timedelta(days=3)
    PatientAccess.objects.create(
        patient=other, doctor=carl, source=SOURCE.HANDED_OVER, granted_at=now, granted_by=omar, expires_at=until
    )

    merge(pair, omar, now)

    assert list(kept.accesses.filter(doctor=carl).values_list("source", "expires_at")) == [("handed_over", until)]


def test_only_the_doctor_of_both_or_an_administrator_merges(pair, asha, ben, rita, omar, now):
    for person in (asha, ben, rita):
        with pytest.raises(NotAllowed):
            merge(pair, person, now)

    services.share_patient(pair[1], doctor=asha, by=ben, at=now)
    assert merge(pair, asha, now).merged_by == asha


def test_a_merge_needs_two_records_in_use_and_a_reason(pair, omar, now):
    kept, other = pair
    with pytest.raises(merging.ReasonMissing):
        merging.merge_records(kept, other, choices={}, reason=" ", by=omar, at=now)
    with pytest.raises(Conflict, match="same record"):
        merging.merge_records(kept, kept, choices={}, reason="x", by=omar, at=now)
    services.archive_patient(other, by=omar, at=now)
    with pytest.raises(Conflict, match="archived"):
        merge(pair, omar, now)


def test_nothing_new_comes_into_a_merged_record(pair, omar, asha, now):
    kept, other = pair
    merge(pair, omar, now)
    other = Patient.objects.get(pk=other.pk)
    sentence = f"merged into {kept.patient_id}"

    with pytest.raises(MergedRecord, match=sentence):
        services.update_patient(other, {"email": "new@example.org"}, by=omar, at=now)
    with pytest.raises(MergedRecord, match=sentence):
        consent.record_consent(other, RECORDING, method="verbal", by=omar, at=now)
    with pytest.raises(MergedRecord, match=sentence):
        services.grant_access(other, doctor=asha, source=SOURCE.BOOKED, by=omar, at=now)
    with pytest.raises(MergedRecord, match=sentence):
        services.restore_patient(other, by=omar, at=now)


def test_a_third_record_joins_the_kept_one_only(pair, omar, ben, now):
    kept, other = pair
    third = make_patient(ben, last_name="Sen-Roy")
    merge(pair, omar, now)

    with pytest.raises(Conflict, match=f"Keep {kept.patient_id}"):
        merging.merge_records(third, kept, choices={}, reason="x", by=omar, at=now)
    with pytest.raises(MergedRecord):
        merging.merge_records(other, third, choices={}, reason="x", by=omar, at=now)
    merging.merge_records(kept, third, choices={}, reason="Same card.", by=omar, at=now)

    assert {record.pk for record in third.records()} == {third.pk}  # a stale copy knows of nothing
    assert set(Patient.objects.records_of(third.pk)) == {kept, other, third}


def test_parting_one_of_three_leaves_the_others_one(pair, omar, asha, ben, carl, now):
    kept, other = pair
    third = make_patient(carl, last_name="Sen-Roy")
    first = merge(pair, omar, now)
    merging.merge_records(kept, third, choices={}, reason="Same card.", by=omar, at=now)
    assert Patient.objects.visible_to(ben).count() == 3

    merging.undo_merge(first, by=omar, at=now)

    assert set(Patient.objects.visible_to(ben)) == {other}
    assert set(Patient.objects.visible_to(carl)) == set(Patient.objects.visible_to(asha)) == {kept, third}


def agree(patient, by, at):
    return consent.record_consent(patient, RECORDING, method="verbal", by=by, at=at)


def state_of(patient, at) -> str:
    """Return the state of the answer about recording, after asking every place that knows it."""
    patient = Patient.objects.get(pk=patient.pk)
    states = {one.kind: one for one in queries.consent_states(patient, at=at)}
    assert queries.recording_states([patient], at=at)[patient.pk].status == states[RECORDING].status
    assert queries.has_live_consent(patient.pk, RECORDING, at=at) == states[RECORDING].is_live
    return states[RECORDING].status


def test_a_yes_of_either_record_holds_for_the_person(pair, omar, ben, now):
    kept, other = pair
    agree(other, ben, now - timedelta(days=2))

    merge(pair, omar, now)

    assert state_of(kept, now) == state_of(other, now) == "live"
    assert kept not in list_patients(omar, show=NO_CONSENT, at=now)


@pytest.mark.parametrize(("yes_on", "no_on"), [(0, 1), (1, 0)])
def test_the_latest_answer_counts_and_a_withdrawn_one_is_not_revived(pair, omar, now, yes_on, no_on):
    agree(pair[yes_on], omar, now - timedelta(days=9))
    consent.withdraw_consent(agree(pair[no_on], omar, now - timedelta(days=20)), by=omar, at=now - timedelta(days=3))

    merge(pair, omar, now)

    assert state_of(pair[0], now) == state_of(pair[1], now) == "withdrawn"
    assert pair[0] in list_patients(omar, show=NO_CONSENT, at=now)


def test_a_yes_after_a_no_on_the_other_record_holds(pair, omar, now):
    consent.withdraw_consent(agree(pair[1], omar, now - timedelta(days=20)), by=omar, at=now - timedelta(days=9))
    agree(pair[0], omar, now - timedelta(days=3))

    merge(pair, omar, now)

    assert state_of(pair[0], now) == "live"


def test_a_later_yes_that_ran_out_is_asked_for_again(pair, omar, now):
    long_ago = now - timedelta(days=300)
    agree(pair[0], omar, long_ago)
    ended = agree(pair[1], omar, now - timedelta(days=100))
    Consent.objects.filter(pk=ended.pk).update(expires_at=now - timedelta(days=1))

    merge(pair, omar, now)

    assert state_of(pair[0], now) == "expired"


def test_a_no_while_merged_stays_a_no_on_both_after_parting(pair, omar, now):
    kept, other = pair
    agree(kept, omar, now - timedelta(days=9))
    later = agree(other, omar, now - timedelta(days=2))
    done = merge(pair, omar, now)
    later.refresh_from_db()

    consent.withdraw_consent(later, by=omar, at=now)
    assert state_of(kept, now) == "withdrawn"

    merging.undo_merge(done, by=omar, at=now)
    assert state_of(kept, now) == state_of(other, now) == "withdrawn"


def test_saying_no_again_leaves_no_yes_behind(pair, omar, now):
    kept, other = pair
    agree(kept, omar, now - timedelta(days=9))
    consent.withdraw_consent(agree(other, omar, now - timedelta(days=20)), by=omar, at=now - timedelta(days=3))
    done = merge(pair, omar, now)
    kept.refresh_from_db()

    consent.decline_consent(kept, RECORDING, method="verbal", by=omar, at=now)

    merging.undo_merge(done, by=omar, at=now)
    assert state_of(kept, now) == "declined"


def test_merging_and_parting_leave_every_table_as_it_was(pair, omar, now):
    kept, other = pair
    agree(kept, omar, now - timedelta(days=9))
    before = dump()

    done = merge(pair, omar, now, last_name="other", phone_primary="other", date_of_birth="other")
    assert dump() != before
    merging.undo_merge(done, by=omar, at=now + timedelta(days=29))

    assert dump() == before
    assert PatientMerge.objects.get().undone_by == omar
    verbs = AuditEvent.objects.order_by("seq").values_list("detail__verb", "patient_id")
    assert {("merge_in", kept.pk), ("merge_away", other.pk), ("part_from", kept.pk), ("part_away", other.pk)} <= set(
        verbs
    )


def test_parting_keeps_what_was_changed_since(pair, omar, now):
    kept, _other = pair
    done = merge(pair, omar, now, last_name="other")
    services.update_patient(Patient.objects.get(pk=kept.pk), {"email": "new@example.org"}, by=omar, at=now)

    merging.undo_merge(done, by=omar, at=now)

    kept.refresh_from_db()
    assert (kept.last_name, kept.email, kept.allergies) == ("Banerjee", "new@example.org", "Penicillin")


def test_a_doctor_who_saw_the_patient_meanwhile_keeps_that_record(pair, omar, ben, now):
    kept, other = pair
    services.grant_access(other, doctor=ben, source=SOURCE.SEEN, by=ben, at=now)
    done = merge(pair, omar, now)
    services.grant_access(kept, doctor=ben, source=SOURCE.SEEN, by=ben, at=now)

    merging.undo_merge(done, by=omar, at=now)

    assert set(Patient.objects.visible_to(ben)) == {kept, other}
    assert [one.source for one in kept.accesses.open().filter(doctor=ben)] == ["seen"]


def test_a_merge_is_undone_once_and_in_time(pair, omar, asha, now):
    done = merge(pair, omar, now)
    with pytest.raises(Conflict, match="30 days"):
        merging.undo_merge(done, by=omar, at=now + timedelta(days=30, seconds=1))

    merging.undo_merge(done, by=omar, at=now + timedelta(days=30))
    with pytest.raises(Conflict, match="undone already"):
        merging.undo_merge(done, by=omar, at=now)
    with pytest.raises(NotAllowed):
        merging.undo_merge(done, by=asha, at=now)

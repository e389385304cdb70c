"""Leave cover and handing over for good: who may open what, until when, and who keeps what."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from patients import queries, services
from patients.handover import services as handover
from patients.models import Handover, Patient, PatientAccess
from patients.tests.factories import make_patient
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed
from synapse.testing.plugin import make_user

SOURCE = PatientAccess.Source


@pytest.fixture
def carl(db):
    return make_user("carl", "doctor", "Carl", "Dias")


def give(patients, now, asha, ben, *, days=7, by=None):
    return handover.hand_over(
        patients,
        from_doctor=asha,
        to_doctor=ben,
        ends_at=now + timedelta(days=days) if days else None,
        reason="Parental leave",
        by=by or asha,
        at=now,
    )


def seen_by(doctor) -> set[Patient]:
    return set(Patient.objects.visible_to(doctor))


def test_a_cover_opens_the_records_until_its_end(asha, ben, now):
    mine = [make_patient(asha), make_patient(asha)]

    given = give(None, now, asha, ben)

    assert seen_by(ben) == set(mine)
    assert seen_by(asha) == set(mine)
    assert set(given.accesses.values_list("source", "expires_at")) == {("handed_over", now + timedelta(days=7))}
    # The end is kept by the question, not by the sweep.
    PatientAccess.objects.filter(handover=given).update(expires_at=now - timedelta(milliseconds=1))
    assert seen_by(ben) == set()


def test_the_sweep_writes_down_that_a_cover_is_over(asha, ben, now):
    patient = make_patient(asha)
    given = give([patient], now, asha, ben)
    later = now + timedelta(days=7)

    assert handover.close_ended(later - timedelta(seconds=1)) == 0
    assert handover.close_ended(later) == 1
    assert handover.close_ended(later) == 0

    given.refresh_from_db()
    assert given.ended_at == later
    assert not patient.accesses.filter(doctor=ben, ended_at=None).exists()
    assert AuditEvent.objects.filter(patient_id=patient.pk, detail__verb="end", detail__doctor=str(ben.pk)).exists()


def test_shared_and_covered_patients_are_not_ones_own(asha, ben, carl, now):
    own = make_patient(asha)
    shared = make_patient(ben)
    services.share_patient(shared, doctor=asha, by=ben, at=now)
    give([make_patient(ben)], now, ben, asha)

    given = give(None, now, asha, carl)

    assert {access.patient for access in given.accesses.all()} == {own}


def test_a_patient_registered_during_a_cover_is_covered(asha, ben, rita, now):
    make_patient(asha)
    give(None, now, asha, ben)
    fields = {"first_name": "New", "last_name": "One", "date_of_birth": date(1990, 5, 2)}

    new = services.register_patient(fields, doctor=asha, by=rita, at=now + timedelta(days=1))

    assert new in seen_by(ben)
    assert new.accesses.get(doctor=ben).expires_at == now + timedelta(days=7)


@pytest.mark.parametrize(("held_on", "stays"), [(3, False), (10, True)])
def test_what_is_held_within_a_cover_ends_with_it(asha, ben, now, held_on, stays):
    patient = make_patient(asha)
    give([patient], now, asha, ben)

    services.grant_access(
        patient, doctor=ben, source=SOURCE.BOOKED, by=ben, at=now, held_at=now + timedelta(days=held_on)
    )
    handover.close_ended(now + timedelta(days=8))

    assert (patient in seen_by(ben)) is stays


def test_a_session_within_a_cover_does_not_keep_the_record_open(asha, ben, now):
    patient = make_patient(asha)
    given = give([patient], now, asha, ben)
    services.grant_access(patient, doctor=ben, source=SOURCE.SEEN, by=ben, at=now)

    handover.end_handover(given, by=asha, at=now)

    assert seen_by(ben) == set()
    with pytest.raises(Conflict, match="over already"):
        handover.end_handover(given, by=asha, at=now)


def test_for_good_the_colleague_is_in_charge_and_the_giver_lets_go(asha, ben, now):
    patient = make_patient(asha)
    booked = make_patient(asha)
    for one in (patient, booked):
        services.grant_access(one, doctor=asha, source=SOURCE.BOOKED, by=asha, at=now)

    given = handover.hand_over(
        [patient, booked],
        from_doctor=asha,
        to_doctor=ben,
        ends_at=None,
        reason="Moves away",
        by=asha,
        at=now,
        still_booked={booked.pk},
    )

    assert seen_by(ben) == {patient, booked}
    assert seen_by(asha) == {booked}
    assert [opener.doctor for opener in queries.openers_of(patient) if opener.is_responsible] == [ben]
    with pytest.raises(Conflict, match="for good"):
        handover.end_handover(given, by=asha, at=now)
    with pytest.raises(Conflict, match="treats the patient"):
        services.end_share(given.accesses.first(), by=ben, at=now)


def test_a_longer_cover_takes_the_place_of_a_shorter_one(asha, ben, now):
    patient = make_patient(asha)
    give([patient], now, asha, ben, days=3)
    give([patient], now, asha, ben, days=9)
    give([patient], now, asha, ben, days=5)

    ends = patient.accesses.filter(doctor=ben, ended_at=None).values_list("expires_at", flat=True)
    assert list(ends) == [now + timedelta(days=9)]


def test_who_hands_over_and_what_is_refused(asha, ben, carl, rita, omar, now):
    patient = make_patient(asha)
    for person in (ben, rita):
        with pytest.raises(NotAllowed):
            give([patient], now, asha, ben, by=person)
    for arguments, words in [
        ({"days": -1}, "in the past"),
        ({"ben": asha}, "are the patients of this doctor already"),
    ]:
        with pytest.raises(handover.BadHandover, match=words):
            give([patient], now, asha, **{"ben": ben, **arguments})
    with pytest.raises(handover.BadHandover, match="no patients"):
        give(None, now, carl, ben)
    with pytest.raises(handover.BadHandover, match="not a patient of"):
        give([patient], now, carl, ben)

    assert give([patient], now, asha, ben, by=omar).handed_over_by == omar


def test_both_doctors_are_told_while_it_holds(asha, ben, carl, now):
    make_patient(asha)
    given = give(None, now, asha, ben)

    assert [(cover.is_given, cover.count) for cover in handover.covers_of(asha, at=now)] == [(True, 1)]
    assert [(cover.is_given, cover.count) for cover in handover.covers_of(ben, at=now)] == [(False, 1)]
    assert not handover.covers_of(carl, at=now)
    assert not handover.covers_of(ben, at=given.ends_at)


def sent(now, to, **more):
    day = now + timedelta(days=7)
    return {
        "to_doctor": to.pk,
        "how_long": "until",
        "last_day_0": day.day,
        "last_day_1": day.month,
        "last_day_2": day.year,
        "last_day_day": day.day,
        "last_day_month": day.month,
        "last_day_year": day.year,
        "reason": "Parental leave",
        **more,
    }


@pytest.mark.parametrize("days", [None, 8])
def test_who_covers_a_patient_gives_it_no_longer_than_that(asha, ben, carl, omar, now, days):
    patient = make_patient(asha)
    give([patient], now, asha, ben)

    for by in (ben, omar):
        with pytest.raises(handover.BadHandover, match="for a time only"):
            give([patient], now, ben, carl, days=days, by=by)

    assert seen_by(carl) == set()
    give([patient], now, ben, carl, days=7)
    assert seen_by(carl) == {patient}


def test_the_doors_of_a_handover(signed_in, asha, ben, rita, omar, now):
    patient = make_patient(asha)
    address = reverse("patients:hand_over", args=[patient.pk])
    assert signed_in(ben).get(address).status_code == 404
    assert signed_in(rita).get(address).status_code == 403
    assert signed_in(asha).post(address, sent(now, ben, from_doctor=asha.pk, reason="")).status_code == 422
    # A doctor gives their own patients only, whatever the form says.
    everybody = reverse("patients:hand_over_all")
    assert signed_in(ben).post(everybody, sent(now, ben, from_doctor=asha.pk)).status_code == 422

    assert signed_in(asha).post(address, sent(now, ben, from_doctor=asha.pk)).status_code == 302
    given = Handover.objects.get()
    page, end = (reverse(f"patients:{route}", args=[given.pk]) for route in ("handover", "end_handover"))
    for person, status in ((asha, 200), (ben, 200), (omar, 200), (rita, 403)):
        assert signed_in(person).get(page).status_code == status
    assert "Kavya" in signed_in(ben).get(page).content.decode()
    assert signed_in(ben).post(end).status_code == 403
    assert signed_in(asha).get(end).status_code == 405
    assert signed_in(asha).post(end).status_code == 302
    assert "Kavya" not in signed_in(ben).get(page).content.decode()
    assert signed_in(ben).get(reverse("patients:detail", args=[patient.pk])).status_code == 404

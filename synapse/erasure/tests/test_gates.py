"""What stands against an erasure: holds, the law's time of keeping, open work; who may, and when."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.tests.factories import make_bill
from patients import holds
from patients.merging import services as merging
from patients.models import LegalHold, Patient
from patients.tests.factories import make_patient
from scheduling.tests.factories import make_appointment
from sessions_app import services as sessions
from sessions_app.recordings import deletion, retention
from sessions_app.tests.factories import make_session, record_audio
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import CAPABILITIES, Permission, Role
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.erasure import gates, queries, services
from synapse.erasure.models import Erasure

pytestmark = pytest.mark.django_db

SEEN = datetime(2016, 3, 1, 9, 0, tzinfo=UTC)
BEFORE = datetime(2026, 2, 28, 9, 0, tzinfo=UTC)
AFTER = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


def make_seen(doctor, **fields) -> Patient:
    patient = make_patient(doctor, at=SEEN, **fields)
    make_session(doctor, patient=patient, status="completed", at=SEEN, with_recording=False)
    return Patient.objects.get(pk=patient.pk)


def ask(patient, by, at, **fields) -> Erasure:
    return services.request_erasure(patient, **{"asked_by": "patient", "reason": "Wishes it", **fields}, by=by, at=at)


def test_the_law_keeps_a_record_until_its_years_are_over_unless_an_order_says_otherwise(asha, omar):
    patient = make_seen(asha)

    with pytest.raises(services.NotNow, match="until 1 March 2026") as refusal:
        ask(patient, omar, BEFORE)

    assert refusal.value.code == "retention"
    assert ask(patient, omar, BEFORE, order="District Court").order == "District Court"
    with pytest.raises(CommandError, match="no patient"):
        call_command("erase_patient", "PAT-1")
    assert gates.refusals(patient, AFTER) == []
    services.withdraw_erasure(patient.erasures.get(), by=omar, at=BEFORE)
    assert (gates.mark_due(BEFORE), list(queries.due_records(omar))) == (0, [])
    assert (gates.mark_due(AFTER), list(queries.due_records(omar))) == (1, [patient])
    assert list(queries.due_records(asha)) == []
    assert gates.mark_due(BEFORE) == 0


@pytest.mark.parametrize(
    ("born", "until"),
    [
        (date(1990, 5, 2), date(2026, 3, 1)),
        (date(2010, 5, 2), date(2038, 5, 2)),  # a child: ten years from the eighteenth birthday
        (date(1998, 2, 28), date(2026, 3, 1)),  # of age the day before
    ],
)
def test_minors_are_kept_from_their_majority_on(asha, born, until):
    assert gates.kept_until(make_seen(asha, date_of_birth=born)) == until


def test_who_was_never_treated_is_not_kept_and_years_follow_the_clinic(asha):
    clinic = ClinicSettings.load()
    clinic.record_retention_years = 7
    clinic.save()

    assert gates.kept_until(make_patient(asha)) is None
    assert gates.kept_until(make_seen(asha)) == date(2023, 3, 1)
    assert gates.add_years(date(2024, 2, 29), 1) == date(2025, 3, 1)


def test_a_merged_record_counts_for_the_person_and_many_cost_what_one_does(asha):
    kept, merged, other = make_patient(asha), make_seen(asha), make_seen(asha)
    Patient.objects.filter(pk=merged.pk).update(merged_into=kept)
    with CaptureQueriesContext(connection) as one:
        gates.kept_until_by_record([other])

    with CaptureQueriesContext(connection) as many:
        until = gates.kept_until_by_record([kept, other])

    assert until == {kept.pk: date(2026, 3, 1), other.pk: date(2026, 3, 1)}
    assert len(many) == len(one)


def test_a_hold_stops_erasure_and_the_purge_of_recordings_until_it_is_released(asha, omar):
    patient = make_patient(asha, at=SEEN)
    session = make_session(asha, patient=patient, at=SEEN)
    record_audio(session, at=SEEN)
    sessions.complete_session(session, by=asha, at=SEEN + timedelta(hours=1))
    session.transcriptions.all().delete()
    first = holds.place_hold(patient, reason="A court asked", by=omar, at=AFTER)
    second = holds.place_hold(patient, reason="An insurer asked", by=omar, at=AFTER)

    deletion.sweep(AFTER)
    holds.release_hold(first, by=omar, at=AFTER)

    session.refresh_from_db()
    assert session.audio_deleted_at is None
    assert retention.plan_of(session, AFTER).held_by == retention.Hold.LEGAL
    with pytest.raises(Conflict, match="legal hold"):
        deletion.delete_by_hand(session, reason="not_needed", by=asha, at=AFTER)
    with pytest.raises(services.NotNow) as refusal:
        ask(patient, omar, AFTER, order="An order does not lift a hold")
    assert refusal.value.code == "legal_hold"
    assert gates.mark_due(AFTER + timedelta(days=1)) == 0
    holds.release_hold(second, by=omar, at=AFTER)
    deletion.sweep(AFTER)
    session.refresh_from_db()
    assert session.audio_deleted_at == AFTER
    with pytest.raises(Conflict):
        holds.release_hold(second, by=omar, at=AFTER)


def test_a_hold_is_placed_once_for_each_reason_however_often_it_is_pressed(asha, omar):
    patient, audited = make_patient(asha, at=SEEN), AuditEvent.objects.filter(detail__verb="place_hold")
    placed = {
        holds.place_hold(patient, reason=f" {reason} ", by=omar, at=AFTER).pk
        for reason in ("A court asked", "A  court\nasked", "An insurer asked") * 2
    }
    assert len(placed) == LegalHold.objects.count() == audited.count() == 2

    first = LegalHold.objects.order_by("created_at").first()
    holds.release_hold(first, by=omar, at=AFTER)

    again = holds.place_hold(patient, reason="A court asked", by=omar, at=AFTER)
    assert again.pk not in placed


def test_open_work_is_finished_first(asha, omar):
    booked, owing, live = make_patient(asha), make_patient(asha), make_patient(asha)
    at = datetime(2026, 3, 18, 9, 0, tzinfo=UTC)
    make_appointment(asha, patient=booked, scheduled_at=at + timedelta(days=2), at=at - timedelta(days=1))
    make_bill(asha, patient=owing, status="sent", at=at)
    make_session(asha, patient=live, at=at)

    found = {
        patient.pk: [one.obstacle.value for one in gates.refusals(patient, at, has_order=True)]
        for patient in (booked, owing, live)
    }

    assert found == {booked.pk: ["visits"], owing.pk: ["bills"], live.pk: ["running"]}


def test_who_asked_waits_and_a_second_person_need_not(asha, omar, rita, django_user_model):
    patient, at = make_patient(asha), AFTER
    for person in (asha, rita):
        with pytest.raises(NotAllowed):
            ask(patient, person, at)
        with pytest.raises(NotAllowed):
            holds.place_hold(patient, reason="No", by=person, at=at)
    with pytest.raises(DomainError, match="who asks"):
        ask(patient, omar, at, reason=" ")
    erasure = ask(patient, omar, at)
    with pytest.raises(Conflict):
        ask(patient, omar, at)
    with pytest.raises(Conflict, match="Somebody else"):
        services.carry_out(erasure, by=omar, at=at + timedelta(days=6))
    services.withdraw_erasure(erasure, by=omar, at=at)
    with pytest.raises(Conflict):
        services.carry_out(erasure, by=omar, at=at + timedelta(days=8))
    erasure = ask(patient, omar, at)
    second = django_user_model.objects.create_user(username="ada", role="admin", email="ada@clinic.example")

    certificate = services.carry_out(erasure, by=second, at=at)

    assert (certificate.facts["requested_by"], certificate.facts["erased_by"]) == ("omar", "ada")
    assert {role for role in Role.values if Permission.ERASE_PATIENTS in CAPABILITIES[role]} == {Role.ADMIN}


def test_a_record_that_was_merged_since_is_not_erased_without_the_other_one(asha, omar, signed_in):
    patient, other = make_patient(asha), make_patient(asha)
    erasure = ask(patient, omar, AFTER)
    merging.merge_records(other, patient, choices={}, reason="The same passport.", by=omar, at=AFTER)

    with pytest.raises(Conflict, match="merged into another"):
        services.carry_out(erasure, by=omar, at=AFTER + timedelta(days=8))

    patient.refresh_from_db()
    assert patient.erased_at is None
    address = reverse("erasure:withdraw", args=[erasure.pk])
    assert address in signed_in(omar).get(reverse("erasure:patient", args=[patient.pk])).content.decode()
    services.withdraw_erasure(erasure, by=omar, at=AFTER)
    assert ask(other, omar, AFTER).patient == other

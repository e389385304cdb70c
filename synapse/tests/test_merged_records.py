"""Two records of one person as one in every app: what the pages show, what starts, what stays sealed."""

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.queries import list_patient_bills
from billing.services import drafting
from patients.models import Consent, PatientAccess
from patients.tests.factories import make_patient
from reports.queries import previous_plan, reports_of_patient
from reports.sealing.chain_walk import are_links_whole, walk_chain
from reports.sealing.signing import Seal, verify
from reports.tests.factories import make_report
from scheduling.queries import list_patient_appointments
from scheduling.services import appointments as scheduling
from scheduling.services import offers, waiting
from scheduling.tests.factories import make_appointment
from sessions_app import services as sessions
from sessions_app.capture import access as socket_access
from sessions_app.recordings import retention
from sessions_app.tests.factories import make_consent, make_session, make_written_session
from synapse import workflows
from synapse.common.errors import Conflict
from synapse.dashboard.timeline import read_timeline
from synapse.dashboard.worklist import consents
from synapse.dashboard.worklist.core import Reader
from synapse.oversight.trail import find_events


@pytest.fixture
def pair(asha, ben):
    return make_patient(asha, last_name="Banerjee"), make_patient(ben, last_name="Sen")


def merge(pair, omar, now):
    done = workflows.merge_patients(*pair, choices={}, reason="Same identity card.", by=omar, at=now)
    for patient in pair:
        patient.refresh_from_db()
    return done


def test_every_list_of_the_kept_record_shows_the_rows_of_both(asha, ben, omar, now):
    mine, theirs = make_report(asha, status="signed"), make_report(ben, status="signed")
    pair = (mine.session.patient, theirs.session.patient)
    for doctor, patient in zip((asha, ben), pair, strict=True):
        make_appointment(doctor, patient=patient)
    bills = [drafting.draft_bill_for_session(one.session, by=one.session.doctor, at=now) for one in (mine, theirs)]

    merge(pair, omar, now)

    kept = pair[0]
    for person in (asha, ben, omar):
        assert {one.pk for one in reports_of_patient(person, kept)} == {mine.pk, theirs.pk}
        assert {bill.pk for bill in list_patient_bills(person, kept)} == {bill.pk for bill in bills}
        titles = [entry.title for entry in read_timeline(person, kept, limit=50)]
        assert len([title for title in titles if title.startswith("Session")]) == 2
    assert list_patient_appointments(omar, kept).count() == 2
    events = find_events(text=kept.patient_id, since=None, action="")
    assert set(events.values_list("patient_id", flat=True)) >= {patient.pk for patient in pair}


def test_signed_reports_and_their_chains_stay_whole(asha, ben, omar, now):
    reports = [make_report(asha, status="signed"), make_report(ben, status="signed")]
    pair = tuple(report.session.patient for report in reports)

    done = merge(pair, omar, now)

    for report, patient in zip(reports, pair, strict=True):
        report.refresh_from_db()
        assert verify(report) == Seal.WHOLE
        assert are_links_whole(patient.pk)
        assert walk_chain(patient).broken is None
    workflows.undo_merge(done, by=omar, at=now)
    assert all(verify(report) == Seal.WHOLE for report in reports)


def test_the_plan_of_a_session_on_the_other_record_is_the_previous_plan(asha, omar, now):
    before = make_report(asha, status="signed")
    patient = make_patient(asha)
    later = make_session(asha, patient=patient, status="completed", at=now)
    assert not previous_plan(later)

    merge((patient, before.session.patient), omar, now)

    assert previous_plan(later)


def test_a_visit_of_the_merged_record_begins_and_moves_on_the_kept_one(pair, asha, ben, omar, now):
    kept, other = pair
    visit = make_appointment(ben, patient=other, scheduled_at=now + timedelta(minutes=5))
    to_move = make_appointment(ben, patient=other, scheduled_at=now + timedelta(days=2))
    merge(pair, omar, now)
    visit.refresh_from_db()
    to_move.refresh_from_db()

    session = workflows.start_consultation(other.pk, visit.pk, by=ben, at=now)
    moved = scheduling.reschedule_appointment(
        to_move, scheduled_at=now + timedelta(days=3), reason="Asked for it", by=ben, at=now
    )

    assert session.patient == moved.patient == kept
    with pytest.raises(Conflict, match="The patient has another visit"):
        make_appointment(asha, patient=kept, scheduled_at=visit.scheduled_at)


def test_who_waits_on_the_merged_record_is_offered_a_time_unless_the_kept_one_has_a_visit(pair, asha, ben, omar, now):
    kept, other = pair
    has = make_appointment(ben, patient=other, scheduled_at=now + timedelta(days=9))
    wish = {"doctor": ben, "appointment_type": "followup", "duration_minutes": 50}
    entry = waiting.add_entry(other, current_appointment=has, by=ben, at=now, **wish)
    freed = make_appointment(ben, scheduled_at=now + timedelta(days=1))
    merge(pair, omar, now)

    scheduling.cancel_appointment(freed, reason="Ill", by=ben, at=now)
    (match,) = offers.matches_for(freed.freed_slots.get(), by=ben, at=now)
    make_appointment(asha, patient=kept, scheduled_at=now + timedelta(days=1))

    assert match.entry == entry
    assert offers.matches_for(freed.freed_slots.get(), by=ben, at=now) == []


def test_a_visit_of_the_merged_record_can_be_given_up_for_an_earlier_one(signed_in, pair, ben, omar, now):
    kept, other = pair
    visit = make_appointment(ben, patient=other, scheduled_at=timezone.now() + timedelta(days=9))
    merge(pair, omar, now)

    page = signed_in(ben).get(reverse("scheduling:come_earlier", args=[visit.pk]), follow=True)
    initial = {name: page.context["form"][name].value() for name in page.context["form"].fields}
    sent = {name: value for name, value in initial.items() if value is not None}

    assert signed_in(ben).post(reverse("scheduling:waiting_add"), sent).status_code == 302
    assert kept.waiting_entries.get().current_appointment == visit


def test_the_desk_finds_the_visit_of_today_and_asks_for_consent_once(signed_in, pair, ben, rita, omar):
    kept, other = pair
    now = timezone.now()
    visit = make_appointment(ben, patient=other, scheduled_at=now + timedelta(minutes=1), at=now)
    merge(pair, omar, now)

    found = signed_in(rita).post(reverse("dashboard:walk_in_find"), {"query": kept.last_name})
    assert reverse("dashboard:check_in", args=[visit.pk]) in found.text

    reader = Reader(ben, now, ZoneInfo("UTC"))
    for kind in ("recording", "treatment"):
        waiting_visit = consents.MISSING.rows(reader).get()
        consents.MISSING.act(f"{kind}-written").run(waiting_visit, by=ben, at=now)
    assert not consents.MISSING.rows(reader).exists()
    assert kept.consents.count() == 2


def test_nothing_begins_on_the_merged_record(pair, ben, omar, now):
    kept, other = pair
    merge(pair, omar, now)

    with pytest.raises(Conflict, match=f"merged into {kept.patient_id}"):
        workflows.start_consultation(other.pk, by=ben, at=now)
    with pytest.raises(Conflict, match=f"merged into {kept.patient_id}"):
        make_appointment(ben, patient=other)


@pytest.mark.parametrize("running", [0, 1])
def test_records_are_not_merged_while_a_session_runs(pair, asha, ben, omar, now, running):
    session = make_session((asha, ben)[running], patient=pair[running])

    with pytest.raises(Conflict, match="going on"):
        merge(pair, omar, now)

    sessions.complete_session(session, by=session.doctor, at=now)
    assert merge(pair, omar, now).kept == pair[0]


def test_a_withdrawal_on_either_record_ends_a_running_recording(pair, ben, omar, now):
    kept, other = pair
    given = make_consent(other, by=ben, at=now - timedelta(days=1))
    merge(pair, omar, now)
    session = make_session(ben, patient=kept, consent=False)
    look = socket_access._standing
    visitor = socket_access.Visitor(ben, str(UUID(int=0)), "", None)
    assert look(type(session).objects.filter(pk=session.pk), visitor, at=now).is_consented

    workflows.withdraw_consent(given, by=ben, at=now)

    session.refresh_from_db()
    standing = look(type(session).objects.filter(pk=session.pk), visitor, at=now)
    assert (session.with_recording, standing.is_consented, standing.consent_ended_at) == (False, False, now)


def test_parting_stops_a_recording_that_rests_on_the_other_record(pair, ben, omar, now):
    kept, other = pair
    make_consent(other, by=ben, at=now - timedelta(days=1))
    done = merge(pair, omar, now)
    session = make_session(ben, patient=kept, consent=False)

    workflows.undo_merge(done, by=omar, at=now)

    session.refresh_from_db()
    assert (session.patient, session.with_recording, session.is_live) == (kept, False, True)
    assert not PatientAccess.objects.open().filter(patient=other, doctor=session.doctor, source="seen").exists()


def test_a_recording_is_kept_by_the_consent_of_the_other_record(pair, asha, ben, omar, now):
    session = make_written_session(asha)
    patient = session.patient
    pair = (patient, pair[1])
    patient.audio_retention = "keep"
    patient.save()
    assert not retention.plan_of(session, now).is_kept
    make_consent(pair[1], by=ben, kind=Consent.Kind.KEEP_AUDIO, at=now)

    merge(pair, omar, now)

    session = type(session).objects.get(pk=session.pk)
    assert retention.plan_of(session, now).is_kept


@pytest.mark.parametrize("tab", ["detail", "profile", "history", "medications", "consents", "sharing"])
def test_opening_the_merged_record_leads_to_the_kept_one(signed_in, pair, omar, now, tab):
    kept, other = pair
    merge(pair, omar, now)

    response = signed_in(omar).get(reverse(f"patients:{tab}", args=[other.pk]), follow=True)

    assert response.redirect_chain == [(reverse(f"patients:{tab}", args=[kept.pk]), 302)]
    assert f"{other.patient_id} was merged into this record" in response.content.decode()


def test_the_doors_of_a_merge(signed_in, pair, asha, ben, rita, omar, now):
    kept, other = pair
    address = reverse("patients:merge", args=[kept.pk])
    sent = {"with": other.pk, "reason": "Same identity card."}
    assert signed_in(rita).post(address, sent).status_code == 403
    assert signed_in(ben).post(address, sent).status_code == 404
    assert signed_in(asha).post(address, sent).status_code == 404  # the other record is not hers
    assert signed_in(asha).get(reverse("patients:merge_find", args=[kept.pk])).status_code == 405
    assert signed_in(omar).post(address, sent | {"reason": ""}).status_code == 422

    assert signed_in(omar).post(address, sent).status_code == 302
    done = kept.merges.get()
    undo = reverse("patients:undo_merge", args=[kept.pk, done.pk])
    assert signed_in(omar).get(undo).status_code == 405
    assert signed_in(rita).post(undo).status_code == 403
    assert signed_in(omar).post(undo).status_code == 302
    assert signed_in(omar).post(undo).status_code == 409

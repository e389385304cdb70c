"""The demo clinic: everything the tour needs, made through the services; words come from the recordings' own texts."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing.ledger.checking import find_faults
from billing.models import Bill, Claim, DayClose, PatientAccount, Payment
from patients.finding.search import search_patients
from patients.models import Patient
from reports.models import BenchRun, Report
from reports.scribe_bench.loading import load_sessions
from reports.services import sealing
from scheduling.models import Appointment, AppointmentSeries, FreedSlot, Holiday, Room, WaitingEntry, WorkingHours
from sessions_app.models import Transcription
from sessions_app.tests.factories import segment_of
from sessions_app.transcripts import services as transcripts
from synapse import workflows
from synapse.accounts.models import ClinicSettings, User
from synapse.common.errors import DomainError
from synapse.demo import bulk, paperwork, recorder, seeding

MONDAY = datetime(2026, 3, 2, 5, 10, tzinfo=UTC)  # 10:40 at the clinic
PASSWORD = "a password for the demo"


@pytest.fixture
def engine(monkeypatch):
    """Stand in for the speech engine, whose own tests hear these files: the words come from the texts beside them."""

    def remember_name(session, name, *, at):
        recorded[session.pk] = name

    def write_words(kinds, at):
        for transcription in Transcription.objects.filter(status="pending").select_related("session"):
            transcripts.start_processing(transcription, at=at)
            done = transcripts.store_result(
                transcription,
                segments=texts_of(recorded[transcription.session_id]),
                service="embedded",
                model="tiny.en",
                language="en-US",
                confidence=0.9,
                processing_seconds=1.0,
                at=at,
            )
            if done.status == Transcription.Status.COMPLETED:
                workflows.transcript_completed(done, at=at)

    recorded = {}
    monkeypatch.setattr(recorder, "record", remember_name)
    monkeypatch.setattr(transcripts.spool.SpoolStore, "exists", lambda store, session_id: session_id in recorded)
    monkeypatch.setattr(paperwork, "_lease_speech", write_words)


def texts_of(name):
    if not name:
        return []
    turns = json.loads((recorder.RECORDINGS / f"{name}.json").read_text())["turns"]
    return [
        segment_of(turn["speaker"], round(turn["start"] * 1000), round(turn["end"] * 1000), turn["text"])
        for turn in turns
    ]


@pytest.fixture
def demo(db, engine):
    seeding.seed_clinic(password=PASSWORD, at=MONDAY)


def test_the_demo_clinic_has_everything_the_tour_shows(demo, client):
    people = {user.username: user for user in User.objects.all()}
    assert set(people) == {"doctor", "doctor2", "receptionist", "admin"}
    assert all(user.check_password(PASSWORD) for user in people.values())
    assert ClinicSettings.load().name == "Banyan Clinic"
    assert Patient.objects.count() == 12

    assert {bill.status for bill in Bill.objects.all()} == set(Bill.Status.values)
    assert {visit.status for visit in Appointment.objects.all()} == set(Appointment.Status.values)
    visits = Appointment.objects.order_by("scheduled_at")
    assert visits.last().scheduled_at - visits.first().scheduled_at >= timedelta(weeks=3)

    assert Room.objects.count() == 3
    assert WorkingHours.objects.filter(doctor__username="doctor2", kind="break").count() == 4
    assert Holiday.objects.filter(day__year=MONDAY.year).count() > 10
    assert {series.appointments.count() for series in AppointmentSeries.objects.all()} == {10, 2}
    assert FreedSlot.objects.filter(doctor=people["doctor"]).exists()
    assert WaitingEntry.objects.filter(status="waiting").count() == 4
    assert Appointment.objects.open().get(arrived_at__isnull=False).patient.first_name == "Rohan"

    assert Transcription.objects.count() == 6
    silent = Transcription.objects.get(status="no_speech")
    assert not silent.session.reports.exists()
    reports = Report.objects.all()
    assert {report.status for report in reports} == {"signed", "completed"}
    open_lines = [report for report in reports if not report.is_signed and has_unsupported(report)]
    assert len(open_lines) >= 1
    for report in open_lines:
        with pytest.raises(DomainError):
            sealing.sign_report(report, by=report.session.doctor, at=MONDAY, password_checked=True)

    bench = BenchRun.objects.get()
    assert (bench.engine, bench.error_code) == ("embedded", "")
    assert bench.finished_at
    assert bench.figures["totals"]["sessions"] == len(load_sessions())

    bills = list(Bill.objects.all())
    assert Bill.Purpose.NO_SHOW in {bill.purpose for bill in bills}
    assert len({f"{bill.bill_date:%Y%m}" for bill in bills if bill.bill_date}) >= 5
    assert {bill.collection_status for bill in bills} >= {"none", "reminded", "disputed", "written_off"}
    assert max(bill.reminder_sent_count for bill in bills) == 2
    assert {claim.status for claim in Claim.objects.all()} == {"sent", "denied", "paid"}
    assert sum(account.credit for account in PatientAccount.objects.all()) == 500
    assert {bool(close.reasons) for close in DayClose.objects.all()} == {True, False}
    assert {method for (method,) in Payment.objects.values_list("method")} >= {"cash", "card", "upi", "insurance"}
    assert list(find_faults(MONDAY)) == []
    call_command("verify_audit", stdout=StringIO())
    today = ClinicSettings.load().date_of(MONDAY)
    assert search_patients("kavya", by=people["doctor"], region="IN", today=today)


def has_unsupported(report):
    return any(blocker.code == "unsupported" for blocker in sealing.blockers_of(report))


@pytest.mark.parametrize(
    ("at", "first"),
    [
        (datetime(2026, 3, 2, 5, 10, tzinfo=UTC), datetime(2026, 3, 2, 5, 30, tzinfo=UTC)),  # 10:40, then 11:00
        (datetime(2026, 3, 1, 20, 0, tzinfo=UTC), datetime(2026, 3, 2, 3, 30, tzinfo=UTC)),  # 1:30, then 9:00
        (datetime(2026, 3, 2, 14, 30, tzinfo=UTC), datetime(2026, 3, 2, 15, 0, tzinfo=UTC)),  # 20:00, then 20:30
    ],
)
def test_whoever_opens_the_demo_finds_a_visit_to_start(db, at, first):
    assert seeding.Seeder(at).soon() == first


def test_the_command_refuses_outside_demo_mode(db, settings):
    settings.MODE = "production"

    with pytest.raises(CommandError, match="demo mode"):
        call_command("seed_demo")


def test_the_command_leaves_a_database_with_people_alone(asha):
    out = StringIO()

    call_command("seed_demo", stdout=out)

    assert "not loaded" in out.getvalue()
    assert User.objects.count() == 1


def test_synthetic_patients_are_found_like_real_ones(asha, now):
    bulk.add_patients(30, doctor=asha, at=now)

    patient = Patient.objects.order_by("patient_id").last()
    hits = search_patients(patient.full_name, by=asha, region="IN", today=now.date())
    assert Patient.objects.count() == 30
    assert patient.patient_id.endswith("0030")
    assert patient in [hit.patient for hit in hits]


def test_synthetic_patients_need_the_demo_doctor(db):
    with pytest.raises(CommandError, match="demo clinic first"):
        call_command("seed_demo", patients=5)

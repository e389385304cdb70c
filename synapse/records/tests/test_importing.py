"""A file from its upload to its end: what is new, what is likely on file, what is wrong, and nothing twice."""

import csv
import io
from datetime import date, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from patients.finding.search import search_patients
from patients.models import Patient
from patients.tests.factories import make_patient
from scheduling.models import Appointment, AppointmentMessage
from scheduling.tests.factories import make_appointment
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common import jobs
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.common.models import Job
from synapse.records import services
from synapse.records.models import DataImport

HEAD = "First name,Last name,Date of birth,Mobile,E-mail,Doctor"
PATIENTS = f"""{HEAD}
Mira,Banerjee,1991-05-02,098200 41733,mira@example.org,asha
Banerjee,Mira,1991-05-02,,,asha
Old,Friend,1980-01-01,098200 00001,,asha
=Bad,＝Row,31.02.1990,12,nowhere,nobody
Noah,Sen,2001-09-09,,,
"""

# Date and time, minutes.
FIGURES = [
    ("2024-03-11|9 am", "9" * 4999),
    ("2024-03-11|9 am", "²"),
    ("9999-12-31|23:59", "50"),
    ("0001-01-01|0:01", "50"),
]


def stage(text, rita, now, *, kind="patients", doctor=None):
    return services.stage_import(kind, text.encode(), doctor=doctor, by=rita, at=now)


def outcomes(data_import) -> list[str]:
    return [row["outcome"] for row in data_import.rows]


def start(data_import, rita, now, *, duplicates="skip", choices=None):
    services.start_import(data_import, duplicates=duplicates, choices=choices or {}, by=rita, at=now)
    run_all()
    data_import.refresh_from_db()
    return data_import


def run_all():
    while job := Job.objects.filter(kind=services.RUN, state=Job.State.QUEUED).first():
        jobs.run_job(str(job.pk))


@pytest.fixture
def friend(asha) -> Patient:
    return make_patient(asha, first_name="Old", last_name="Friend", date_of_birth=date(1980, 1, 1))


def test_the_preview_names_every_rows_fate(asha, ben, rita, friend, now):
    staged = stage(PATIENTS, rita, now, doctor=ben)

    assert outcomes(staged) == ["new", "duplicate", "duplicate", "error", "new"]
    assert "Row 2 of this file" in staged.rows[1]["like"]
    assert friend.patient_id in staged.rows[2]["like"]
    assert set(staged.rows[3]["problems"]) == {"Date of birth", "Mobile", "E-mail", "Doctor"}
    assert Patient.objects.count() == 1


def test_good_rows_come_in_and_the_rest_comes_back(asha, ben, rita, friend, now):
    done = start(stage(PATIENTS, rita, now, doctor=ben), rita, now, choices={3: "take"})

    assert outcomes(done) == ["done", "done", "skipped", "error", "done"]
    assert (done.status, done.content, done.imported_count, done.error_count) == ("completed", "", 3, 1)
    mira = search_patients("98200 41733", by=asha, region="IN", today=now.date())[0].patient
    assert (mira.full_name, mira.phone_primary) == ("Mira Banerjee", "+919820041733")
    assert [hit.patient.full_name for hit in search_patients("noah", by=ben, region="IN", today=now.date())] == [
        "Noah Sen"
    ]
    lines = list(csv.reader(io.StringIO(services.error_file(done))))
    assert lines[0] == [*HEAD.split(","), "Problem"]
    assert [line[0] for line in lines[1:]] == ["Old", "'=Bad"]
    assert lines[2][1] == "'＝Row"  # where it is at home, a spreadsheet takes the wide sign for the other
    assert "There is no such day" in lines[2][-1]
    assert "Mira" not in str(list(AuditEvent.objects.values_list("detail", "target_label")))
    assert not Job.objects.exclude(object_id=done.pk).filter(kind=services.RUN).exists()


def test_a_crash_in_the_middle_goes_on_without_doubles(asha, rita, now, monkeypatch):
    text = f"{HEAD}\n" + "\n".join(f"Given{n},Family{n},1990-01-01,,,asha" for n in range(50))
    staged = stage(text, rita, now)
    register, count = services.patients.register_patient, iter(range(1000))

    def dying(*args, **kwargs):
        if next(count) == 33:
            raise RuntimeError("the worker was killed")
        return register(*args, **kwargs)

    monkeypatch.setattr(services.patients, "register_patient", dying)
    services.start_import(staged, duplicates="skip", choices={}, by=rita, at=now)
    job = Job.objects.get(kind=services.RUN)
    jobs.run_job(str(job.pk))
    assert Patient.objects.count() == services.BATCH  # whole batches only

    job.refresh_from_db()
    Job.objects.filter(pk=job.pk).update(run_at=now)
    jobs.run_job(str(job.pk))

    staged.refresh_from_db()
    assert (staged.status, staged.imported_count, Patient.objects.count()) == ("completed", 50, 50)
    assert len({patient.full_name for patient in Patient.objects.all()}) == 50


def test_a_long_import_goes_on_in_another_job(asha, rita, now, monkeypatch):
    monkeypatch.setattr(services, "SECONDS_OF_A_RUN", -1)
    monkeypatch.setattr(services, "BATCH", 1)
    staged = stage(f"{HEAD}\nA,B,1990-01-01,,,asha\n", rita, now)
    services.start_import(staged, duplicates="skip", choices={}, by=rita, at=now)

    jobs.run_job(str(Job.objects.get(kind=services.RUN).pk))

    assert Job.objects.filter(kind=services.RUN, state=Job.State.QUEUED).count() == 1
    monkeypatch.undo()
    run_all()
    assert Patient.objects.count() == 1


def test_a_stopped_import_keeps_what_came_in_and_goes_on(asha, rita, now):
    staged = stage(f"{HEAD}\nA,B,1990-01-01,,,asha\n", rita, now)
    services.start_import(staged, duplicates="skip", choices={}, by=rita, at=now)
    Job.objects.all().delete()
    services.fail_import(staged.pk, code="worker_lost", at=now)

    services.continue_import(DataImport.objects.get(pk=staged.pk), by=rita, at=now)
    run_all()

    assert DataImport.objects.get(pk=staged.pk).status == "completed"


def test_dates_that_read_both_ways_wait_for_an_answer(asha, rita, now):
    staged = stage("Vorname;Nachname;Geburtsdatum\nA;B;03/04/1990\nC;D;05/06/1991\n", rita, now, doctor=asha)
    assert outcomes(staged) == ["error", "error"]

    services.choose_columns(staged, staged.columns["fields"], day_first=True, doctor=asha, by=rita, at=now)
    done = start(staged, rita, now)

    assert {patient.date_of_birth for patient in Patient.objects.all()} == {date(1990, 4, 3), date(1991, 6, 5)}
    with pytest.raises(Conflict):
        services.discard_import(done, by=rita, at=now)


def test_one_clear_date_tells_the_order_of_all(asha, rita, now):
    staged = stage("Vorname;Nachname;Geburtsdatum\nA;B;03/04/1990\nC;D;25/06/1991\n", rita, now, doctor=asha)

    assert (outcomes(staged), staged.columns["day_first"]) == (["new", "new"], True)


def test_a_needed_column_is_asked_for(asha, rita, now):
    staged = stage("Name,Surname\nA,B\n", rita, now, doctor=asha)

    assert staged.rows == []
    with pytest.raises(DomainError, match="Choose the column for: First name, Date of birth"):
        services.start_import(staged, duplicates="skip", choices={}, by=rita, at=now)


def test_a_forgotten_file_is_dropped(rita, asha, now):
    staged = stage(PATIENTS, rita, now, doctor=asha)

    assert services.drop_forgotten(timezone.now() + timedelta(days=6)) == 0
    assert services.drop_forgotten(timezone.now() + timedelta(days=8)) == 1

    staged.refresh_from_db()
    assert (staged.status, staged.content) == ("discarded", "")
    assert "error" in outcomes(staged)
    assert not any("cells" in row for row in staged.rows)


def test_a_file_somebody_starts_while_the_sweep_looks_is_not_dropped_and_holds_no_other_up(
    rita, asha, now, monkeypatch
):
    started, forgotten = (stage(PATIENTS, rita, now, doctor=asha) for _ in range(2))
    lock = services._locked

    def start_first(pk):
        DataImport.objects.filter(pk=started.pk).update(status="running")
        return lock(pk)

    monkeypatch.setattr(services, "_locked", start_first)

    assert services.drop_forgotten(timezone.now() + timedelta(days=8)) == 1

    assert set(DataImport.objects.values_list("pk", "status")) == {
        (started.pk, "running"),
        (forgotten.pk, "discarded"),
    }


def test_visits_come_in_as_history_or_under_the_rules(asha, rita, friend, now):
    ClinicSettings.objects.update(timezone="America/New_York", message_channels="email")
    zone = ZoneInfo("America/New_York")
    coming = (now.astimezone(zone) + timedelta(days=9)).replace(hour=10, minute=0, second=0, microsecond=0)
    friend.email = "old@example.org"
    friend.save()
    make_appointment(asha, scheduled_at=coming + timedelta(hours=4))
    AppointmentMessage.objects.all().delete()
    day = f"{coming:%Y-%m-%d}"
    text = f"""Patient number;First name;Last name;DOB;Doctor;Date;Time;Minutes;Status
{friend.patient_id};;;;asha@clinic.example;2024-03-09;10:30;50;
;Old;Friend;1980-01-01;asha;2024-03-10;02:30;50;
;Old;Friend;1980-01-01;asha;2024-03-11;9 am;30 min;No show
{friend.patient_id};;;;asha;2024-03-09;10:45;50;
{friend.patient_id};;;;asha;{day};10:00;50;booked
{friend.patient_id};;;;asha;{day};14:10;50;
{friend.patient_id};;;;asha;{day};10:00;50;
PAT-1;;;;asha;{day};16:00;50;
"""

    staged = stage(text, rita, now, kind="appointments")
    assert outcomes(staged) == ["new", "error", "new", "new", "new", "new", "duplicate", "error"]
    done = start(staged, rita, now)

    assert outcomes(done) == ["done", "error", "done", "error", "done", "error", "skipped", "error"]
    visits = Appointment.objects.filter(patient=friend).order_by("scheduled_at")
    assert [(visit.status, visit.scheduled_at.astimezone(zone).hour) for visit in visits] == [
        ("completed", 10),
        ("no_show", 9),
        ("scheduled", 10),
    ]
    assert not AppointmentMessage.objects.filter(kind="booked").exists()
    problems = {row["number"]: row["problems"] for row in done.rows if row["outcome"] == "error"}
    assert "clocks skip" in problems[3]["Time"]
    assert "another visit" in problems[5]["Row"]
    assert "another visit" in problems[7]["Row"]
    assert "No patient has this number" in problems[9]["Patient"]


def test_figures_nobody_means_are_wrong_in_their_row_alone(friend, rita, now):
    rows = [f"{friend.patient_id},asha,{day},{minutes}" for day, minutes in FIGURES]
    text = "\n".join(["Patient number,Doctor,Date,Time,Minutes", *(row.replace("|", ",") for row in rows)])

    staged = stage(text, rita, now, kind="appointments")

    assert outcomes(staged) == ["error"] * len(FIGURES)


def test_two_people_of_one_name_and_birth_date_need_a_number(asha, rita, friend, now):
    make_patient(asha, first_name="Old", last_name="Friend", date_of_birth=date(1980, 1, 1))

    staged = stage(
        "First name,Last name,DOB,Doctor,Date,Time\nOld,Friend,1980-01-01,asha,2024-03-09,10:30\n",
        rita,
        now,
        kind="appointments",
    )

    assert "Several patients" in staged.rows[0]["problems"]["Patient"]


def test_the_doors_of_an_import(signed_in, asha, rita, omar, now):
    with pytest.raises(NotAllowed):
        stage(PATIENTS, asha, now)
    staged = stage(PATIENTS, rita, now, doctor=asha)
    assert signed_in(asha).get(reverse("records:imports")).status_code == 403
    for route in ("detail", "errors"):
        address = reverse(f"records:{route}", args=[staged.pk])
        assert signed_in(asha).get(address).status_code == 403
        assert signed_in(omar).get(address).status_code == 200
    for route in ("columns", "start", "continue", "discard"):
        address = reverse(f"records:{route}", args=[staged.pk])
        assert signed_in(rita).get(address).status_code == 405
        assert signed_in(asha).post(address).status_code == 403
    for kind in DataImport.Kind.values:
        sample = signed_in(rita).get(reverse("records:sample", args=[kind]))
        assert sample.content.decode("utf-8-sig").count("\r\n") == 2
    assert signed_in(rita).post(reverse("records:imports"), {"kind": "patients"}).status_code == 422
    started = reverse("records:start", args=[staged.pk])
    answers = urlencode({"duplicates": "skip", f"row_{'9' * 5000}": "take"})
    sent = signed_in(rita).post(started, answers, content_type="application/x-www-form-urlencoded")
    assert sent.status_code in {302, 400}

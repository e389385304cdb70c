import csv
import io
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from patients.tests.factories import make_patient
from synapse.audit import services
from synapse.audit.context import request_context
from synapse.audit.models import Action, AuditEvent, ChainCheck, Outcome
from synapse.dashboard import audit
from synapse.dashboard.audit import TrailFilter
from synapse.oversight import trail

PAGES = ["dashboard:audit", "dashboard:audit_export", "dashboard:system"]


def write(action=Action.READ, *, by=None, ip=None, **fields) -> AuditEvent:
    with request_context(ip), services.unit_of_work():
        return services.record(action, by=by, **fields)


@pytest.fixture
def admin(signed_in, omar):
    return signed_in(omar)


@pytest.mark.parametrize("page", PAGES)
def test_only_administrators_may_look(signed_in, asha, rita, omar, client, page):
    assert signed_in(omar).get(reverse(page)).status_code == 200
    for person in (asha, rita):
        assert signed_in(person).get(reverse(page)).status_code == 403
    assert client.get(reverse(page)).status_code == 302


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_read_with_get_only(admin, page):
    assert admin.post(reverse(page)).status_code == 405


def test_reading_the_log_is_an_entry_itself(admin, omar):
    admin.get(reverse("dashboard:audit"))

    event = AuditEvent.objects.order_by("-seq").first()
    assert (event.actor_id, event.action, event.target_type) == (omar.pk, "read", "audit.AuditEvent")


def test_a_row_says_who_did_what_in_words(admin, asha):
    patient = make_patient(doctor=asha)
    write(Action.UPDATE, by=asha, ip="203.0.113.7", target=patient, patient_id=patient.pk, detail={"fields": ["phone"]})

    page = admin.get(reverse("dashboard:audit")).content.decode()

    assert "Dr Asha Rao" in page
    assert patient.patient_id in page
    assert "Patient; fields: phone" in page
    assert "203.0.113.7" in page
    assert patient.first_name not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "203.0.113.7"}, {"by address"}),
        ({"q": "asha"}, {"by asha", "list", "by address"}),
        ({"q": "Asha Rao"}, {"by asha", "list", "by address"}),
        ({"action": "sign"}, {"signed"}),
        ({"q": "asha", "action": "sign"}, set()),
        ({"q": "nobody at all"}, set()),
        ({"q": "NUMBER"}, {"signed", "list"}),
    ],
)
def test_the_log_is_filtered_by_person_number_address_and_action(admin, asha, ben, query, found):
    patient = make_patient(doctor=asha)
    written = {
        "by asha": write(by=asha),
        "by address": write(by=asha, ip="203.0.113.7"),
        "signed": write(Action.SIGN, by=ben, patient_id=patient.pk),
        "list": write(by=asha, subjects=[patient.pk, uuid4()]),
    }
    query = {name: patient.patient_id.lower() if value == "NUMBER" else value for name, value in query.items()}
    ids = {event.seq: name for name, event in written.items()}

    answer = admin.get(reverse("dashboard:audit"), query)

    shown = {ids[row.event.seq] for row in answer.context["rows"] if row.event.seq in ids}
    assert shown == found


@pytest.mark.parametrize(("days", "is_shown"), [("7", False), ("30", True), ("", True)])
def test_the_log_is_filtered_by_time(asha, monkeypatch, days, is_shown):
    old = write(by=asha)
    later = timezone.now() + timedelta(days=8)
    monkeypatch.setattr(timezone, "now", lambda: later)

    assert TrailFilter({"days": days}).events().contains(old) is is_shown


def test_older_pages_go_on_where_the_page_ended(admin, monkeypatch):
    monkeypatch.setattr(trail, "PAGE", 3)
    events = [write() for _ in range(7)]

    first = admin.get(reverse("dashboard:audit"), {"q": "system"})
    second = admin.get(f"{reverse('dashboard:audit')}?{first.context['older']}")

    shown = [row.event.seq for row in [*first.context["rows"], *second.context["rows"]]]
    assert shown == [event.seq for event in reversed(events)][:6]


def test_a_page_costs_the_same_queries_for_two_rows_as_for_twenty(admin, asha):
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            admin.get(reverse("dashboard:audit"))
        return len(queries)

    for _ in range(2):
        write(by=asha, patient_id=make_patient(doctor=asha).pk)
    cost()  # the first page of a session also notes in it that somebody is there
    few = cost()
    for _ in range(18):
        write(by=asha, patient_id=make_patient(doctor=asha).pk)

    assert cost() == few


def test_the_check_runs_on_demand_and_its_result_is_shown(admin):
    write()

    answer = admin.post(reverse("dashboard:audit_check"), follow=True)

    assert ChainCheck.objects.get().is_whole
    assert "The log is whole." in answer.content.decode()
    assert admin.get(reverse("dashboard:audit_check")).status_code == 405


def test_a_broken_chain_is_shown_with_its_row(admin):
    ChainCheck.objects.create(checked_at=timezone.now(), duration_ms=1, events=3, broken_seq=4, reason="it was changed")

    assert "Entry 4 is not as it was written: it was changed." in admin.get(reverse("dashboard:audit")).content.decode()


def test_the_export_is_the_filtered_log_and_is_recorded(admin, asha):
    write(Action.SIGN, by=asha)
    write(by=asha)

    answer = admin.get(reverse("dashboard:audit_export"), {"action": "sign"})

    lines = answer.content.decode().splitlines()
    assert lines[0].startswith("seq,at,actor_label,action")
    assert len(lines) == 2
    assert AuditEvent.objects.filter(action="export").count() == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\uff1d"])
def test_no_cell_of_the_export_is_a_formula(admin, asha, start):
    write(Action.SIGN, by=asha, target=("x", "1"))
    asha.username = f"{start}cmd()"
    write(Action.SIGN, by=asha)

    answer = admin.get(reverse("dashboard:audit_export"), {"action": "sign"})

    assert f"'{start}cmd()" in answer.content.decode()


def test_the_export_says_how_many_it_leaves_out_and_its_times_carry_their_zone(admin, asha, monkeypatch):
    monkeypatch.setattr(audit, "MOST_EXPORTED", 2)
    for _ in range(5):
        write(Action.SIGN, by=asha)

    lines = list(
        csv.reader(io.StringIO(admin.get(reverse("dashboard:audit_export"), {"action": "sign"}).content.decode()))
    )

    assert len(lines) == 4
    assert "Left out: 3." in lines[-1][-1]
    assert all(datetime.fromisoformat(line[1]).utcoffset() == timedelta(0) for line in lines[1:3])


@pytest.mark.parametrize("column", list(trail.SORTS))
def test_the_report_is_sorted_by_every_column_and_paged_without_a_gap(admin, asha, ben, monkeypatch, column):
    monkeypatch.setattr(trail, "PAGE", 2)
    rows = [
        ("b", asha, "10.0.0.2"),
        ("a", ben, None),
        ("c", asha, "10.0.0.1"),
        ("a", asha, None),
        ("b", ben, "10.0.0.2"),
    ]
    for number, (label, by, ip) in enumerate(rows):
        action = (Action.READ, Action.SIGN)[number % 2]
        outcome = (Outcome.ALLOWED, Outcome.DENIED)[number % 2]
        write(action, by=by, ip=ip, target=("x", label), outcome=outcome)
    seqs = set(AuditEvent.objects.values_list("seq", flat=True))

    for sort in (column, f"-{column}"):
        everything = list(trail.in_order(AuditEvent.objects.filter(seq__in=seqs), by=sort))
        paged, after = [], None
        while page := list(trail.in_order(AuditEvent.objects.filter(seq__in=seqs), by=sort, after=after)[:2]):
            paged += page
            after = page[-1].seq
        assert paged == everything
        values = [getattr(event, trail.SORTS[column]) for event in everything]
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=sort.startswith("-"))

    first = admin.get(reverse("dashboard:audit"), {"sort": column, "outcome": "allowed"})
    assert {row.event.outcome for row in first.context["rows"]} == {"allowed"}
    assert 'aria-sort="ascending"' in first.content.decode()
    assert admin.get(f"{reverse('dashboard:audit')}?{first.context['older']}").status_code == 200


def test_a_page_of_the_report_never_reads_the_whole_trail(db, asha):
    """Ask the database how it would find a page of each order, and what is about one patient."""
    patient = make_patient(doctor=asha)
    write(by=asha, patient_id=patient.pk)
    last = write(by=asha, subjects=[patient.pk], ip="10.0.0.1")
    pages = [trail.in_order(AuditEvent.objects.all(), by=sort, after=last.seq)[:50] for sort in ("time", "-who", "did")]
    pages.append(trail.find_events(text=patient.patient_id, since=None, action="").order_by("-seq")[:50])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")  # two rows are read at once whatever indexes there are
        plans = [page.explain() for page in pages]

    for plan in plans:
        for line in plan.splitlines():
            reads_all = (
                "SCAN audit_auditevent" in line and "USING" not in line
            ) or "Seq Scan on audit_auditevent" in line
            assert not reads_all, plan


def test_the_words_of_a_row_are_a_sentence(asha):
    patient = make_patient(doctor=asha)
    row = write(Action.READ, by=asha, target=patient, patient_id=patient.pk, detail={"page": "profile"})
    refused = write(Action.DENY, by=asha, target=patient, outcome=Outcome.DENIED)

    said = [each.sentence for each in trail.describe([row, refused])]

    assert said[0] == f"Dr Asha Rao opened {patient.patient_id} (Patient; page: profile)"
    assert said[1].startswith(f"Dr Asha Rao was refused {patient.patient_id}")


def test_the_system_page_shows_parts_sweeps_and_failed_jobs(admin):
    from synapse.common.models import Job, SweepRun

    SweepRun.objects.create(
        name="audit check", started_at=timezone.now(), finished_at=timezone.now(), outcome="KeyError"
    )
    Job.objects.create(
        kind="reports.tasks.generate",
        object_id=uuid4(),
        run_at=timezone.now(),
        state="dead",
        attempts=3,
        error_code="worker_lost",
        finished_at=timezone.now(),
    )

    page = admin.get(reverse("dashboard:system")).content.decode()

    assert "Failed: KeyError" in page
    assert "worker_lost" in page
    assert "Background work" in page


def test_a_poll_of_the_system_page_gets_the_part_alone(admin):
    page = admin.get(reverse("dashboard:system"), headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in page
    assert 'id="system"' in page

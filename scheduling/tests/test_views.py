"""The calendar's pages: who gets in, what they show, what a click does."""

from copy import copy
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from patients.consents.services import record_consent
from patients.tests.factories import make_patient
from scheduling.models import Appointment
from scheduling.tests.factories import make_appointment
from sessions_app.models import ConsultationSession
from synapse.audit.models import AuditEvent, AuditSubject

Status = Appointment.Status
MONDAY = datetime(2027, 3, 1, 4, 30, tzinfo=UTC)  # 10:00 at the clinic
pytestmark = pytest.mark.happens_at(MONDAY - timedelta(days=10))


def page(name, *args):
    return reverse(f"scheduling:{name}", args=args)


@pytest.fixture
def visit(asha):
    return make_appointment(asha, scheduled_at=MONDAY, chief_complaint="Cannot sleep", location="Room 2")


@pytest.mark.parametrize("name", ["calendar", "book", "find_patient", "free_times"])
def test_strangers_are_led_to_sign_in(client, db, name):
    response = client.get(page(name))

    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in") or "sign" in response["Location"]


@pytest.mark.parametrize("name", ["detail", "cancel", "move"])
def test_a_colleagues_visit_is_not_there(signed_in, ben, visit, name):
    assert signed_in(ben).get(page(name, visit.pk)).status_code == 404


@pytest.mark.parametrize("name", ["confirm", "no_show", "complete", "start", "cancel", "move"])
def test_a_colleagues_visit_cannot_be_changed(signed_in, ben, visit, name):
    assert signed_in(ben).post(page(name, visit.pk)).status_code == 404
    visit.refresh_from_db()
    assert visit.status == Status.SCHEDULED


@pytest.mark.parametrize("name", ["confirm", "no_show", "complete", "start"])
def test_changes_are_posted(signed_in, asha, visit, name):
    assert signed_in(asha).get(page(name, visit.pk)).status_code == 405


@pytest.mark.parametrize("name", ["calendar", "detail"])
def test_pages_are_read(signed_in, asha, visit, name):
    args = [visit.pk] if name == "detail" else []

    assert signed_in(asha).post(page(name, *args)).status_code == 405


@pytest.mark.parametrize("person", ["rita", "omar"])
def test_only_doctors_start_sessions(request, signed_in, visit, person):
    user = request.getfixturevalue(person)

    assert signed_in(user).post(page("start", visit.pk)).status_code == 403
    assert not ConsultationSession.objects.exists()


def test_the_week_shows_the_visit_at_its_place_and_names_whose_data_it_showed(signed_in, asha, visit):
    response = signed_in(asha).get(page("calendar"), {"day": "2027-03-03", "view": "week"})

    html = response.content.decode()
    assert "K. Iyer" in html
    assert "10:00 · Follow-up" in html
    assert "d1 at8 ln4" in " ".join(html.split())
    event = AuditEvent.objects.filter(target_type="calendar").latest("seq")
    assert AuditSubject.objects.get(event_seq=event.seq).patient_id == visit.patient_id


def test_a_doctor_sees_when_a_colleague_is_busy_but_not_with_whom(signed_in, ben, visit):
    html = signed_in(ben).get(page("calendar"), {"day": "2027-03-01", "view": "doctors"}).content.decode()

    assert "Busy" in html
    assert "Iyer" not in html
    assert str(visit.pk) not in html


def test_the_desk_sees_every_doctors_visits_and_may_choose_one_doctor(signed_in, asha, ben, rita, visit):
    make_appointment(
        ben, patient=make_patient(doctor=ben, first_name="Tomás", last_name="Herrera"), scheduled_at=MONDAY
    )
    client = signed_in(rita)

    everybody = client.get(page("calendar"), {"day": "2027-03-01"}).content.decode()
    one = client.get(page("calendar"), {"day": "2027-03-01", "doctor": str(ben.pk)}).content.decode()

    assert "K. Iyer" in everybody
    assert "T. Herrera" in everybody
    assert "K. Iyer" not in one
    assert "T. Herrera" in one


def test_a_filter_for_a_colleague_opens_nothing_to_a_doctor(signed_in, asha, ben, visit):
    response = signed_in(ben).get(page("calendar"), {"day": "2027-03-01", "view": "week", "doctor": str(asha.pk)})

    assert "Iyer" not in response.content.decode()


def test_cancelled_visits_leave_the_calendar(signed_in, asha):
    make_appointment(asha, scheduled_at=MONDAY, status=Status.CANCELLED)

    assert "Iyer" not in signed_in(asha).get(page("calendar"), {"day": "2027-03-01"}).content.decode()


@pytest.mark.parametrize("day", ["", "yesterday", "2027-02-30", "0001-01-01", "9999-12-31"])
def test_an_unreadable_day_shows_today(signed_in, asha, day):
    response = signed_in(asha).get(page("calendar"), {"day": day})

    assert response.status_code == 200
    assert response.context["day"] == response.context["today"]


def test_the_view_looked_at_last_comes_again(signed_in, asha):
    client = signed_in(asha)
    assert client.get(page("calendar")).context["view"] == "week"

    client.get(page("calendar"), {"view": "day"})

    assert client.get(page("calendar")).context["view"] == "day"


def test_times_are_those_of_the_readers_zone(signed_in, asha, visit):
    asha.profile.timezone = "Europe/Berlin"
    asha.profile.save()

    html = signed_in(asha).get(page("calendar"), {"day": "2027-03-01", "view": "week"}).content.decode()

    assert "5:30 · Follow-up" in html


@pytest.mark.parametrize("view", ["day", "week", "doctors", "month", "agenda"])
def test_100_visits_take_as_many_queries_as_10(signed_in, rita, asha, view):
    client = signed_in(rita)
    address = f"{page('calendar')}?day=2027-03-01&view={view}"
    ten = [make_appointment(asha, scheduled_at=MONDAY + timedelta(minutes=50 * number)) for number in range(10)]
    client.get(address)
    few = _count_queries(client, address)
    for visit in ten:
        copies = [copy(visit) for _ in range(9)]
        for each in copies:
            each.pk, each.overbooked, each._state.adding = uuid4(), True, True
        Appointment.objects.bulk_create(copies)

    assert _count_queries(client, address) == few


def _count_queries(client, address):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_the_visit_page_shows_it_and_is_recorded_as_read(signed_in, asha, visit):
    html = signed_in(asha).get(page("detail", visit.pk)).content.decode()

    for text in ("Kavya Iyer", "Cannot sleep", "Room 2", "No recording consent yet", "Start without recording"):
        assert text in html
    assert AuditEvent.objects.filter(action="read", target_id=str(visit.pk), actor_id=asha.pk).exists()


def test_with_consent_the_session_starts_recorded(signed_in, asha, visit, now):
    record_consent(visit.patient, "recording", method="written", by=asha, at=now)

    html = signed_in(asha).get(page("detail", visit.pk)).content.decode()

    assert "Start session" in html
    assert "without_recording" not in html


def test_htmx_gets_the_window_only(signed_in, asha, visit):
    html = signed_in(asha).get(page("detail", visit.pk), headers={"HX-Request": "true"}).content.decode()

    assert "data-visit-pop" in html
    assert "<html" not in html


def test_the_desk_sees_no_start_button(signed_in, rita, visit):
    assert "Start without recording" not in signed_in(rita).get(page("detail", visit.pk)).content.decode()


def test_starting_leads_to_the_session_of_the_visit(signed_in, asha, visit):
    response = signed_in(asha).post(page("start", visit.pk), {"without_recording": "1"})

    visit.refresh_from_db()
    assert response["Location"] == reverse("sessions:detail", args=[visit.session_id])
    assert visit.session.with_recording is False


def test_starting_while_another_session_is_open_leads_to_that_one(signed_in, asha, visit):
    client = signed_in(asha)
    client.post(page("start", visit.pk))
    open_session = ConsultationSession.objects.get()
    other = make_appointment(asha)

    response = client.post(page("start", other.pk))

    assert response["Location"] == reverse("sessions:detail", args=[open_session.pk])
    assert ConsultationSession.objects.count() == 1


def test_confirming_returns_to_the_day(signed_in, rita, visit):
    response = signed_in(rita).post(page("confirm", visit.pk))

    visit.refresh_from_db()
    assert visit.status == Status.CONFIRMED
    assert response["Location"].endswith("?day=2027-03-01")


@pytest.mark.parametrize("asked", [True, False])
def test_the_desk_notes_whether_the_patient_called_the_visit_off(signed_in, rita, visit, asked):
    data = {"reason": "Fell ill"} | ({"by_patient": "on"} if asked else {})

    signed_in(rita).post(reverse("scheduling:cancel", args=[visit.pk]), data)

    visit.refresh_from_db()
    assert (visit.status, visit.cancelled_by_patient, visit.cancelled_by) == ("cancelled", asked, rita)


def test_a_visit_is_cancelled_with_its_reason(signed_in, rita, visit):
    client = signed_in(rita)

    refused = client.post(page("cancel", visit.pk), {"reason": "  "})
    done = client.post(page("cancel", visit.pk), {"reason": "Has a fever"})

    assert refused.status_code == 422
    assert "Say why" in refused.content.decode()
    assert done.status_code == 302
    visit.refresh_from_db()
    assert (visit.status, visit.cancellation_reason) == (Status.CANCELLED, "Has a fever")


def test_a_visit_is_moved(signed_in, rita, visit):
    data = {"day": "2027-03-02", "clock": "11:30", "duration_minutes": "40", "reason": "Travels"}

    response = signed_in(rita).post(page("move", visit.pk), data)

    visit.refresh_from_db()
    moved = visit.rescheduled_to
    assert response["Location"].endswith("?day=2027-03-02")
    assert moved.scheduled_at == datetime(2027, 3, 2, 6, 0, tzinfo=UTC)
    assert moved.duration_minutes == 40


def test_a_move_to_a_taken_time_says_so_at_the_time(signed_in, asha, visit):
    make_appointment(asha, scheduled_at=MONDAY + timedelta(hours=3))
    data = {"day": "2027-03-01", "clock": "13:00", "duration_minutes": "50", "reason": ""}

    response = signed_in(asha).post(page("move", visit.pk), data)

    assert response.status_code == 409
    assert response.context["form"].errors["clock"] == ["The doctor has another visit at this time. Pick a free one."]


def test_the_panel_of_a_patient_lists_visits_in_scope(signed_in, asha, ben, visit):
    address = page("for_patient", visit.patient_id)

    mine = signed_in(asha).get(address, headers={"HX-Request": "true"})
    theirs = signed_in(ben).get(address)

    assert "1 Mar 2027, 10:00" in mine.content.decode()
    assert "<html" not in mine.content.decode()
    assert theirs.status_code == 404


def booking(patient, doctor, **changes):
    return {
        "patient": str(patient.pk),
        "doctor": str(doctor.pk),
        "day": "2027-03-01",
        "clock": "10:00",
        "duration_minutes": "50",
        "appointment_type": "followup",
        "priority": "normal",
        "location": "",
        "chief_complaint": "",
        "preparation_instructions": "",
        **changes,
    }


def test_the_desk_books_for_a_doctor(signed_in, rita, asha):
    patient = make_patient(doctor=asha)

    response = signed_in(rita).post(page("book"), booking(patient, asha, chief_complaint="Panic"))

    booked = Appointment.objects.get()
    assert response.status_code == 302
    assert (booked.patient, booked.doctor, booked.booked_by) == (patient, asha, rita)
    assert (booked.scheduled_at, booked.chief_complaint) == (MONDAY, "Panic")


def test_a_doctor_cannot_book_with_a_colleague_or_somebody_elses_patient(signed_in, asha, ben):
    client = signed_in(ben)

    colleague = client.post(page("book"), booking(make_patient(doctor=ben), asha))
    stranger = client.post(page("book"), booking(make_patient(doctor=asha), ben))

    assert (colleague.status_code, stranger.status_code) == (422, 422)
    assert "doctor" in colleague.context["form"].errors
    assert "patient" in stranger.context["form"].errors
    assert not Appointment.objects.exists()


def test_a_taken_time_keeps_what_was_typed(signed_in, rita, asha, visit):
    patient = make_patient(doctor=asha, first_name="Tomás", last_name="Herrera")

    response = signed_in(rita).post(page("book"), booking(patient, asha, chief_complaint="Panic"))

    html = response.content.decode()
    assert response.status_code == 409
    assert "another visit at this time" in html
    assert "Tomás Herrera" in html
    assert "Panic" in html


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("day", ""),
        ("day", "2027-02-30"),
        ("clock", "25:00"),
        ("duration_minutes", "3"),
        ("copay_amount", "-1"),
        ("appointment_type", "surgery"),
        ("patient", "nobody"),
        ("patient", ""),
    ],
)
def test_what_cannot_be_booked_is_said_at_its_field(signed_in, rita, asha, field, value):
    response = signed_in(rita).post(page("book"), booking(make_patient(doctor=asha), asha) | {field: value})

    assert response.status_code == 422
    assert field in response.context["form"].errors


def test_a_time_the_clocks_skip_is_explained(signed_in, rita, asha):
    rita.profile.timezone = "Europe/Berlin"
    rita.profile.save()

    response = signed_in(rita).post(
        page("book"), booking(make_patient(doctor=asha), asha, day="2027-03-28", clock="02:30")
    )

    assert response.status_code == 422
    assert "skip this time" in response.content.decode()


def test_an_address_can_name_patient_day_and_time(signed_in, rita, asha):
    patient = make_patient(doctor=asha)
    query = {"patient": str(patient.pk), "doctor": str(asha.pk), "day": "2027-03-01", "time": "11:30"}

    html = signed_in(rita).get(page("book"), query).content.decode()

    assert "Kavya Iyer" in html
    assert 'value="2027-03-01"' in html
    assert 'value="11:30"' in html
    # Another patient is chosen for the same doctor and time.
    assert f'href="{page("book")}?doctor={asha.pk}&amp;day=2027-03-01&amp;time=11%3A30"' in html


@pytest.mark.parametrize(
    "query",
    [
        {"patient": "x"},
        {"day": "x"},
        {"time": "99"},
        {"report": "x"},
        {"report": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_an_unreadable_address_gives_an_empty_form(signed_in, rita, query):
    assert signed_in(rita).get(page("book"), query).status_code == 200


def test_patients_are_found_by_post_and_the_words_leave_no_trace(signed_in, rita, asha):
    make_patient(doctor=asha)

    response = signed_in(rita).post(page("find_patient"), {"query": "kavya"})

    assert "Kavya Iyer" in response.content.decode()
    assert "kavya" not in str(AuditEvent.objects.filter(action="search").values()).lower()


def test_a_doctor_finds_the_own_patients_only(signed_in, asha, ben):
    make_patient(doctor=asha)

    assert "Kavya" not in signed_in(ben).post(page("find_patient"), {"query": "kavya"}).content.decode()


def test_free_times_leave_out_what_is_taken(signed_in, rita, asha, visit):
    query = {"doctor": str(asha.pk), "day": "2027-03-01", "duration_minutes": "50"}

    html = signed_in(rita).get(page("free_times"), query).content.decode()

    assert 'data-day="2027-03-01" data-clock="11:00"' in html
    assert 'data-day="2027-03-01" data-clock="10:00"' not in html
    assert 'data-day="2027-03-01" data-clock="09:30"' not in html


def test_free_times_of_a_past_day_are_none(signed_in, rita, asha):
    yesterday = timezone.localdate() - timedelta(days=1)
    query = {"doctor": str(asha.pk), "day": yesterday.isoformat(), "duration_minutes": "50"}

    assert "No free time" in signed_in(rita).get(page("free_times"), query).content.decode()

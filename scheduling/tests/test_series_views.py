"""The doors of series: who may open them, what they book and change, and what they ask first."""

from datetime import date, datetime, time, timedelta

import pytest
from django.utils import timezone

from patients.tests.factories import make_patient
from scheduling.models import Appointment, AppointmentSeries, WorkingHours
from scheduling.series import queries as series_queries
from scheduling.tests.factories import make_appointment
from scheduling.tests.test_series import KOLKATA, WEEKLY, days_of, make_series
from synapse.audit.models import AuditEvent

NEW = "/calendar/series/new/"


@pytest.fixture
def tuesday():
    today = timezone.localdate(timezone=KOLKATA)
    return today + timedelta(days=(1 - today.weekday()) % 7 + 7)


def at(day: date, hour: int = 10) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=KOLKATA)


def typed(asha, patient, tuesday, **fields):
    return {
        "patient": str(patient.pk),
        "doctor": str(asha.pk),
        "day": f"{tuesday}",
        "clock": "10:00",
        "duration_minutes": "50",
        "appointment_type": "followup",
        "priority": "normal",
        "interval": "1",
        "unit": "week",
        "monthly": "weekday",
        "ends": "times",
        "times": "3",
        "holiday_rule": "skip",
        "keeps_number": "on",
        "chief_complaint": "Cannot sleep",
        **fields,
    }


def seen_of(answer) -> str:
    return answer.context["dates"].digest


def test_the_dates_are_shown_first_and_booked_as_they_were_seen(client, asha, rita, tuesday):
    client.force_login(rita)
    patient = make_patient(doctor=asha)
    data = typed(asha, patient, tuesday)

    first = client.post(NEW, {**data, "action": "dates"})
    unseen = client.post(NEW, {**data, "action": "book"})
    done = client.post(NEW, {**data, "action": "book", "seen": seen_of(first)})

    assert first.status_code == 200
    assert [row.number for row in first.context["dates"].rows] == [1, 2, 3]
    assert (unseen.status_code, "changed since you saw them" in unseen.text) == (422, True)
    series = AppointmentSeries.objects.get()
    assert done.headers["Location"] == f"/calendar/series/{series.pk}/"
    assert (series.chief_complaint, series.booked_by) == ("Cannot sleep", rita)
    assert client.get(done.headers["Location"]).context["coming"][0].scheduled_at == at(tuesday)


def test_a_date_in_the_way_is_decided_in_the_list(client, asha, tuesday):
    client.force_login(asha)
    patient, other = make_patient(doctor=asha), make_patient(doctor=asha, first_name="Mira")
    make_appointment(asha, patient=other, scheduled_at=at(tuesday + timedelta(weeks=1)))
    data = {**typed(asha, patient, tuesday), "action": "book"}
    day = tuesday + timedelta(weeks=1)

    asked = client.post(NEW, {**data, "seen": seen_of(client.post(NEW, data))})
    skipped = client.post(NEW, {**data, f"do-{day}": "skip"})
    moved = client.post(NEW, {**data, f"do-{day}": "other", f"at-{day}": "14:30"})
    done = client.post(NEW, {**data, f"do-{day}": "other", f"at-{day}": "14:30", "seen": seen_of(moved)})

    assert "Decide about the marked dates" in asked.text
    row = asked.context["dates"].rows[1]
    assert (row.planned.words[:13], [value for value, _, _ in row.options]) == (
        "Taken by Mira",
        ["", "take 09:00", "other", "skip"],
    )
    assert AuditEvent.objects.filter(detail__verb="preview_series").exists()
    assert len(skipped.context["dates"].rows) == 4
    assert done.status_code == 302
    assert Appointment.objects.get(patient=patient, series_day=day).scheduled_at == at(day, 14) + timedelta(minutes=30)


def test_a_time_that_is_not_offered_asks_why(client, asha, tuesday):
    WorkingHours.objects.create(
        doctor=asha, weekday=1, starts=time(9), ends=time(17), valid_from=date(2025, 1, 1), valid_until=tuesday
    )
    client.force_login(asha)
    data = {**typed(asha, make_patient(doctor=asha), tuesday, times="2"), "action": "book"}
    data[f"do-{tuesday + timedelta(weeks=1)}"] = "book"

    asked = client.post(NEW, data)
    data["seen"] = seen_of(asked)
    refused = client.post(NEW, data)
    done = client.post(NEW, {**data, "overbooking_reason": "Agreed by phone"})

    assert refused.status_code == 422
    assert "Say why visits are booked" in refused.text
    assert done.status_code == 302


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"unit": "month", "monthly": "weekday", "interval": "2"},
            "Every 2 months on the {nth} Tuesday at 10:00, 3 times",
        ),
        ({"unit": "month", "monthly": "last"}, "Every month on the last Tuesday at 10:00, 3 times"),
        ({"weekdays": ["1", "3"]}, "Every week on Tuesday and Thursday at 10:00, 3 times"),
        ({"ends": "never", "unit": "month", "monthly": "last"}, "Every month on the last Tuesday at 10:00"),
    ],
)
def test_every_way_to_repeat_can_be_entered(client, asha, tuesday, fields, words):
    client.force_login(asha)
    data = {**typed(asha, make_patient(doctor=asha), tuesday, **fields), "action": "book"}

    client.post(NEW, {**data, "seen": seen_of(client.post(NEW, data))})

    nth = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "last"}[(tuesday.day - 1) // 7 + 1]
    assert AppointmentSeries.objects.get().in_words == words.format(nth=nth)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"times": ""}, "Enter how many visits"),
        ({"ends": "until"}, "Enter the last day"),
        ({"interval": "0"}, "greater than or equal to 1"),
        ({"doctor": ""}, "Choose the doctor"),
        ({"day": "2020-01-07"}, "today or later"),
    ],
)
def test_what_is_missing_is_said(client, asha, tuesday, fields, error):
    client.force_login(asha)

    answer = client.post(NEW, {**typed(asha, make_patient(doctor=asha), tuesday, **fields), "action": "dates"})

    assert answer.status_code == 422
    assert error in answer.text


def test_what_was_typed_into_the_booking_form_comes_along(client, asha, tuesday):
    client.force_login(asha)
    data = typed(asha, make_patient(doctor=asha), tuesday)
    del data["interval"]

    page = client.post(NEW, data)

    assert page.status_code == 200
    assert page.context["form"]["chief_complaint"].value() == "Cannot sleep"
    assert str(page.context["patient"].pk) == data["patient"]


def test_a_series_and_its_doors_are_for_its_doctor_and_the_desk(client, asha, ben, rita, tuesday):
    row = make_series(asha, first_day=tuesday, at=timezone.now())
    visit = row.appointments.first()
    pages = [f"/calendar/series/{row.pk}/", f"/calendar/{visit.pk}/series/"]
    verbs = [f"/calendar/series/{row.pk}/extend/", f"/calendar/series/{row.pk}/let-end/"]

    for user, code in ((ben, 404), (rita, 200), (asha, 200)):
        client.force_login(user)
        assert [client.get(address).status_code for address in pages] == [code, code]
        assert [client.get(address).status_code for address in verbs] == [405, 405]
    client.force_login(ben)
    assert [client.post(address, {"count": 1}).status_code for address in verbs] == [404, 404]
    assert AuditEvent.objects.filter(action="read", target_id=str(row.pk)).count() == 2


def test_the_desk_extends_a_series_or_lets_it_end(client, asha, rita, tuesday):
    row = make_series(asha, first_day=tuesday, at=timezone.now())
    client.force_login(rita)
    address = f"/calendar/series/{row.pk}/"

    more = client.post(f"{address}extend/", {"count": 2}, follow=True)
    client.post(f"{address}let-end/", {"next": "/"})

    row.refresh_from_db()
    assert "2 visits added, the last on" in more.text
    assert (len(days_of(row)), row.end_noticed_at is not None) == (6, True)


def test_a_move_of_more_than_one_goes_on_where_its_dates_are_shown(client, asha, rita, tuesday):
    row = make_series(asha, first_day=tuesday, at=timezone.now())
    visit = row.appointments.order_by("series_day")[2]
    client.force_login(rita)
    data = {"day": f"{visit.series_day}", "clock": "16:00", "doctor": str(asha.pk), "scope": "following"}

    moved = client.post(f"/calendar/{visit.pk}/move/", data)
    dialog = client.post(f"/calendar/{visit.pk}/move/", data, headers={"HX-Request": "true"})
    page = client.get(moved.headers["Location"])
    sent = {name: page.context["form"][name].value() for name in page.context["form"].fields}
    sent = {name: value for name, value in sent.items() if value not in (None, False, "")} | {"action": "book"}
    asked = client.post(f"/calendar/{visit.pk}/series/", sent)
    done = client.post(f"/calendar/{visit.pk}/series/", {**sent, "seen": seen_of(asked)})

    assert dialog.headers["HX-Redirect"] == moved.headers["Location"]
    assert [row.is_moving for row in asked.context["dates"].rows] == [True, True]
    later = AppointmentSeries.objects.exclude(pk=row.pk).get()
    assert done.headers["Location"] == f"/calendar/series/{later.pk}/"
    assert [v.scheduled_at for v in series_queries.list_visits(later)] == [
        at(visit.series_day + timedelta(weeks=number), 16) for number in range(2)
    ]


@pytest.mark.parametrize(("scope", "left"), [("", 3), ("this", 3), ("following", 2), ("all", 0)])
def test_cancelling_asks_which_visits(client, asha, tuesday, scope, left):
    row = make_series(asha, first_day=tuesday, at=timezone.now())
    visit = row.appointments.order_by("series_day")[2]
    client.force_login(asha)

    page = client.get(f"/calendar/{visit.pk}/cancel/")
    client.post(f"/calendar/{visit.pk}/cancel/", {"reason": "Ill", "scope": scope})

    assert "All to come" in page.text
    assert series_queries.remaining_visits(row, at=timezone.now()).count() == left


def test_the_patients_visits_tell_of_the_series(client, asha, tuesday):
    row = make_series(asha, first_day=tuesday, rule=WEEKLY.ending(times=2), at=timezone.now())
    client.force_login(asha)

    panel = client.get(f"/calendar/for-patient/{row.patient_id}/")

    assert "Every week on Tuesday at 10:00, 2 times" in panel.text
    assert "2 to come" in panel.text

"""What calendar programs are told about one visit."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from patients.tests.factories import make_patient
from scheduling.calendar.layout import at_wall_clock
from scheduling.feeds.ics import ics_for_visit
from scheduling.models import Appointment
from scheduling.services import appointments as services
from scheduling.tests.factories import make_appointment
from synapse.accounts.models import ClinicSettings


def read(content):
    calendar = Calendar.from_ical(content)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


def test_a_booked_visit_tells_the_clinic_its_address_and_the_times_and_nothing_else(asha):
    ClinicSettings.load()
    ClinicSettings.objects.update(name="Banyan House", address="12 Lake Road\nPune 411001", email="desk@banyan.example")
    patient = make_patient(asha, first_name="Kavya", last_name="Iyer")
    visit = make_appointment(asha, patient=patient, chief_complaint="Panic attacks", notes="Bring the diary")

    content = ics_for_visit(visit)

    calendar, event = read(content)
    assert calendar["METHOD"] == "PUBLISH"
    assert (event["SUMMARY"], event["LOCATION"]) == ("Banyan House", "12 Lake Road, Pune 411001")
    assert (event.start, event.end) == (visit.scheduled_at.replace(microsecond=0), visit.ends_at.replace(microsecond=0))
    assert (event["STATUS"], event["SEQUENCE"]) == ("CONFIRMED", 0)
    text = content.decode().replace("\r\n ", "")
    assert "mailto:desk@banyan.example" in text.lower()
    for word in ("Kavya", "Iyer", "Panic", "diary", "ollow-up", patient.patient_id, "Rao"):
        assert word not in text


def test_a_moved_visit_keeps_its_uid_and_rises_and_a_cancelled_one_takes_the_entry_away(asha, now):
    first = make_appointment(asha)
    _, booked = read(ics_for_visit(first))

    second = services.reschedule_appointment(first, scheduled_at=now + timedelta(days=30), reason="", by=asha, at=now)
    third = services.reschedule_appointment(second, scheduled_at=now + timedelta(days=31), reason="", by=asha, at=now)
    _, moved = read(ics_for_visit(third))
    first.refresh_from_db()
    _, seen_from_the_first = read(ics_for_visit(first))
    services.cancel_appointment(third, reason="Ill", by=asha, at=now)
    calendar, cancelled = read(ics_for_visit(third))

    assert booked["UID"] == moved["UID"] == cancelled["UID"] == seen_from_the_first["UID"]
    assert [booked["SEQUENCE"], moved["SEQUENCE"], cancelled["SEQUENCE"]] == [0, 4, 5]
    assert moved.start == seen_from_the_first.start == third.scheduled_at.replace(microsecond=0)
    assert (calendar["METHOD"], cancelled["STATUS"]) == ("CANCEL", "CANCELLED")


@pytest.mark.parametrize(
    ("zone", "day", "hours_from_utc"),
    [
        ("Europe/Berlin", date(2027, 3, 27), 1),
        ("Europe/Berlin", date(2027, 3, 29), 2),
        ("America/New_York", date(2027, 11, 8), -5),
        ("Australia/Sydney", date(2027, 1, 4), 11),
        ("Asia/Kolkata", date(2027, 1, 4), 5.5),
    ],
)
def test_the_time_is_the_wall_clocks_on_both_sides_of_a_change(asha, zone, day, hours_from_utc):
    visit = make_appointment(asha, scheduled_at=at_wall_clock(day, time(10), ZoneInfo(zone)))

    _, event = read(ics_for_visit(visit))

    assert event.start == datetime.combine(day, time(10), UTC) - timedelta(hours=hours_from_utc)
    assert event["DTSTART"].to_ical().endswith(b"Z")


def test_the_clinicians_own_entry_may_bear_the_patients_name(asha):
    visit = make_appointment(
        asha,
        patient=make_patient(asha, first_name="Kavya", last_name="Iyer"),
        appointment_type=Appointment.Type.TELEMEDICINE,
    )

    _, event = read(ics_for_visit(visit, with_names=True))

    assert (event["SUMMARY"], event["LOCATION"]) == ("Kavya Iyer", "Video call")

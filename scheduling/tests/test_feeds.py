"""Calendars outside: the feed a program reads, and calendars taken in as busy times."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from patients.tests.factories import make_patient
from scheduling.availability.rules import Span, Why, obstacle
from scheduling.availability.slots import load_diaries
from scheduling.feeds.ics_reading import Unreadable, read_busy_times
from scheduling.models import BusyCalendar, CalendarFeed, TimeOff
from scheduling.services import appointments, busy_calendars, feeds
from scheduling.tests.factories import make_appointment
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed
from synapse.links.logs import MaskTokens

KOLKATA = ZoneInfo("Asia/Kolkata")
NEW_YORK = ZoneInfo("America/New_York")


def calendar(*entries, extra=""):
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{n}@x\r\nDTSTAMP:20270101T000000Z\r\n{e}\r\nEND:VEVENT\r\n" for n, e in enumerate(entries)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n{extra}{events}END:VCALENDAR\r\n".encode()


def read(content, zone=KOLKATA, first=date(2027, 3, 1), days=365):
    return read_busy_times(content, zone=zone, first=first, last=first + timedelta(days=days))


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.fixture
def feed(asha, now):
    ClinicSettings.load()
    ClinicSettings.objects.update(name="Banyan House")
    return feeds.make_feed(label="my phone", with_names=False, by=asha, at=now)


def address(token):
    return reverse("scheduling:feed", args=[token])


def test_a_feed_shows_visits_and_times_off_without_names_and_follows_moves(client, asha, ben, feed, now):
    start = (now + timedelta(days=3)).replace(microsecond=0)
    visit = make_appointment(asha, patient=make_patient(asha, first_name="Kavya", last_name="Iyer"), scheduled_at=start)
    make_appointment(ben, scheduled_at=start)
    gone = make_appointment(asha, scheduled_at=start + timedelta(hours=2))
    appointments.cancel_appointment(gone, reason="Ill", by=asha, at=now)
    make_appointment(asha, scheduled_at=now + timedelta(days=500))
    TimeOff.objects.create(
        doctor=asha, title="Kavya's party", starts_at=start + timedelta(days=1), ends_at=start + timedelta(days=2)
    )

    first = client.get(address(feed[1]))
    moved = appointments.reschedule_appointment(
        visit, scheduled_at=start + timedelta(hours=5), reason="", by=asha, at=now
    )
    second = client.get(address(feed[1]))

    assert first["Content-Type"].startswith("text/calendar")
    events, later = (
        {str(event["SUMMARY"]): event for event in Calendar.from_ical(answer.content).walk("VEVENT")}
        for answer in (first, second)
    )
    assert set(events) == {"Banyan House", "Away"}
    assert events["Banyan House"].start == start
    assert later["Banyan House"].start == moved.scheduled_at
    assert events["Banyan House"]["UID"] == later["Banyan House"]["UID"]
    assert later["Banyan House"]["SEQUENCE"] > events["Banyan House"]["SEQUENCE"]
    assert b"Kavya" not in first.content + second.content


def test_a_feed_bears_names_only_when_that_was_chosen(client, asha, now):
    make_appointment(asha, patient=make_patient(asha, first_name="Kavya", last_name="Iyer"))
    _, token = feeds.make_feed(label="desk", with_names=True, by=asha, at=now)

    assert b"SUMMARY:Kavya Iyer" in client.get(address(token)).content


def test_a_name_with_a_line_break_does_not_break_the_feed(client, asha, now):
    asha.first_name = "Asha\r\nX-MADE-UP:1"
    asha.save()
    _, token = feeds.make_feed(label="desk", with_names=True, by=asha, at=now)

    read_back = Calendar.from_ical(client.get(address(token)).content)

    assert str(read_back["X-WR-CALNAME"]).startswith("Dr Asha X-MADE-UP:1")
    assert "X-MADE-UP" not in read_back


def test_a_feed_that_did_not_change_is_not_sent_again_and_is_noted_once_a_day(client, asha, feed):
    make_appointment(asha)
    first = client.get(address(feed[1]))
    same = client.get(address(feed[1]), headers={"If-None-Match": first["ETag"]})
    make_appointment(asha)
    other = client.get(address(feed[1]), headers={"If-None-Match": first["ETag"]})

    assert (first.status_code, same.status_code, other.status_code) == (200, 304, 200)
    assert same.content == b""
    assert other["ETag"] != first["ETag"]
    assert AuditEvent.objects.filter(target_id=str(feed[0].pk), action="export").count() == 1
    assert CalendarFeed.objects.get().last_read_at is not None
    assert not client.cookies


def test_a_revoked_address_a_made_up_one_and_a_leavers_are_all_not_there(client, asha, ben, feed, now):
    assert client.get(address(feed[1])).status_code == 200
    assert client.get(address("x" * 43)).status_code == 404
    with pytest.raises(NotAllowed):
        feeds.revoke_feed(feed[0], by=ben, at=now)

    asha.is_active = False
    asha.save()
    assert client.get(address(feed[1])).status_code == 404
    asha.is_active = True
    asha.save()
    feeds.revoke_feed(feed[0], by=asha, at=now)
    assert client.get(address(feed[1])).status_code == 404


def test_the_secret_of_an_address_stays_out_of_the_log(client, db, caplog):
    token = "x" * 43
    with caplog.at_level("WARNING", logger="django.request"):
        client.get(address(token))

    (record,) = caplog.records
    MaskTokens().filter(record)
    assert record.getMessage() == "Not Found: /calendar/feed/***.ics"


def test_a_feed_read_too_often_waits(client, feed, monkeypatch):
    monkeypatch.setattr("scheduling.feeds.views.MOST_READS", 3)

    assert [client.get(address(feed[1])).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_the_feeds_of_a_clinic_behind_one_address_do_not_slow_each_other_down(client, asha, ben, now, monkeypatch):
    monkeypatch.setattr("synapse.accounts.throttle.MAXIMUM_FAILURES_PER_ADDRESS", 3)
    tokens = [feeds.make_feed(label=f"{n}", with_names=False, by=by, at=now)[1] for n in "abc" for by in (asha, ben)]

    assert {client.get(address(token)).status_code for token in tokens} == {200}


def test_addresses_are_the_clinicians_own_and_limited(asha, rita, now):
    with pytest.raises(NotAllowed):
        feeds.make_feed(label="x", with_names=False, by=rita, at=now)
    for _ in range(feeds.MOST_FEEDS):
        feeds.make_feed(label="x", with_names=False, by=asha, at=now)
    with pytest.raises(Conflict):
        feeds.make_feed(label="x", with_names=False, by=asha, at=now)


def test_busy_times_are_read_with_zones_whole_days_and_repeats_and_merged():
    content = calendar(
        "DTSTART;TZID=America/New_York:20270312T090000\r\nDTEND;TZID=America/New_York:20270312T100000\r\n"
        "RRULE:FREQ=DAILY;COUNT=4\r\nEXDATE;TZID=America/New_York:20270313T090000",
        "DTSTART;VALUE=DATE:20270401\r\nDTEND;VALUE=DATE:20270402",
        "DTSTART:20270501T100000\r\nDTEND:20270501T110000",
        "DTSTART:20270601T100000Z\r\nDTEND:20270601T110000Z",
        "DTSTART:20270601T103000Z\r\nDTEND:20270601T113000Z",
    )

    assert read(content, zone=NEW_YORK) == [
        (utc(2027, 3, 12, 14), utc(2027, 3, 12, 15)),
        (utc(2027, 3, 14, 13), utc(2027, 3, 14, 14)),  # the clocks went forward
        (utc(2027, 3, 15, 13), utc(2027, 3, 15, 14)),
        (utc(2027, 4, 1, 4), utc(2027, 4, 2, 4)),
        (utc(2027, 5, 1, 14), utc(2027, 5, 1, 15)),
        (utc(2027, 6, 1, 10), utc(2027, 6, 1, 11, 30)),
    ]


def test_free_and_cancelled_entries_and_those_outside_the_year_do_not_count():
    at = "DTSTART:20270501T100000Z\r\nDTEND:20270501T110000Z\r\n"

    assert (
        read(
            calendar(
                f"{at}TRANSP:TRANSPARENT",
                f"{at}STATUS:CANCELLED",
                f"{at}X-MICROSOFT-CDO-BUSYSTATUS:FREE",
                "DTSTART:20280501T100000Z\r\nDTEND:20280501T110000Z",
                "DTSTART:20270501T100000Z",
            )
        )
        == []
    )


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no_calendar"),
        (b"%PDF-1.7 nothing", "no_calendar"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:never\r\nEND:VCALENDAR", "no_calendar"),
        (calendar("DTSTART:20270501T100000Z\r\nDTEND:20270501T100001Z\r\nRRULE:FREQ=SECONDLY"), "too_often"),
        (calendar("DTSTART:20270501T100000Z\r\nRRULE:FREQ=DAILY;BYHOUR=1,2;BYMINUTE=1,2,3"), "too_often"),
    ],
)
def test_what_is_no_calendar_or_too_much_of_one_is_refused(content, code):
    with pytest.raises(Unreadable) as refused:
        read(content)
    assert refused.value.code == code


def test_a_calendar_taken_in_blocks_times_keeps_no_words_and_is_replaced_and_removed(asha, now):
    start = (now + timedelta(days=2)).replace(hour=8, minute=0, second=0, microsecond=0)
    stamp = f"{start:%Y%m%dT%H%M%S}Z"
    content = calendar(f"SUMMARY:Chemotherapy\r\nDTSTART:{stamp}\r\nDURATION:PT2H")
    clash = make_appointment(asha, scheduled_at=start + timedelta(hours=1))

    taken = busy_calendars.take_in(asha, content, label="University", by=asha, at=now)

    (entry,) = taken.entries.all()
    assert (entry.kind, entry.title, entry.starts_at, entry.ends_at) == (
        "imported",
        "",
        start,
        start + timedelta(hours=2),
    )
    span = Span(start, start + timedelta(minutes=50))
    assert obstacle(load_diaries([asha], span, at=now)[asha.pk], span).why == Why.TIME_OFF
    assert list(busy_calendars.clashing_visits([taken], user=asha, at=now)) == [clash]

    with pytest.raises(busy_calendars.BadCalendar):
        busy_calendars.take_in(asha, b"nothing", label="University", by=asha, at=now, calendar=taken)
    assert taken.entries.count() == 1
    busy_calendars.take_in(asha, calendar(), label="University", by=asha, at=now, calendar=taken)
    assert taken.entries.count() == 0
    busy_calendars.remove(taken, by=asha, at=now)
    assert not BusyCalendar.objects.exists()


def test_a_file_made_to_run_for_ever_is_ended(asha, now, monkeypatch):
    bomb = calendar(*["DTSTART:19000101T000000Z\r\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"] * 300)
    monkeypatch.setattr(busy_calendars, "READ_SECONDS", 3)

    with pytest.raises(busy_calendars.BadCalendar) as refused:
        busy_calendars.take_in(asha, bomb, label="x", by=asha, at=now)

    assert refused.value.code == "too_slow"
    with pytest.raises(busy_calendars.BadCalendar) as refused:
        busy_calendars.take_in(asha, b"x" * (busy_calendars.MOST_BYTES + 1), label="x", by=asha, at=now)
    assert refused.value.code == "too_big"


def test_the_page_shows_an_address_once_and_takes_a_calendar_in(signed_in, asha):
    client = signed_in(asha)
    made = client.post(reverse("calendars:make"), {"label": "my phone"})
    token = made.content.decode().split("/calendar/feed/")[1].split(".ics")[0]
    start = timezone.now() + timedelta(days=2)
    upload = SimpleUploadedFile("me.ics", calendar(f"DTSTART:{start:%Y%m%dT%H%M%S}Z\r\nDURATION:PT1H"))
    taken = client.post(reverse("calendars:take_in"), {"label": "University", "file": upload})
    refused = client.post(
        reverse("calendars:take_in"), {"label": "Letter", "file": SimpleUploadedFile("me.ics", b"Dear colleague")}
    )

    assert client.get(address(token)).status_code == 200
    page = client.get(reverse("calendars:list")).content.decode()
    assert token not in page
    assert "1 busy time " in page
    assert (taken.status_code, refused.status_code) == (302, 422)
    assert "This is not a calendar file" in refused.content.decode()
    client.post(reverse("calendars:revoke", args=[CalendarFeed.objects.get().pk]))
    assert client.get(address(token)).status_code == 404


def test_only_clinicians_have_the_page_and_only_their_own_rows(signed_in, asha, ben, rita, now):
    feed, _ = feeds.make_feed(label="x", with_names=False, by=asha, at=now)
    taken = busy_calendars.take_in(asha, calendar(), label="x", by=asha, at=now)

    assert signed_in(rita).get(reverse("calendars:list")).status_code == 403
    for name, pk in (("revoke", feed.pk), ("remove", taken.pk), ("take_in_again", taken.pk)):
        assert signed_in(ben).post(reverse(f"calendars:{name}", args=[pk])).status_code == 404
        assert signed_in(asha).get(reverse(f"calendars:{name}", args=[pk])).status_code == 405

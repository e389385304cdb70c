"""A receptionist's hour as one story: with a mouse at the desk, by finger on a phone, by keyboard alone.

After each step the database is asked, not only the screen.
"""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.core import mail
from playwright.sync_api import expect

from patients.tests.factories import make_patient
from scheduling.changes import calendar_revision
from scheduling.models import Appointment, AppointmentSeries, SlotOffer, WaitingEntry
from scheduling.services import sending, waiting
from scheduling.tests.factories import make_appointment
from synapse.accounts.models import ClinicSettings
from synapse.dashboard.tests.factories import let_it_be_noon
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROW = 21  # pixels of a quarter hour


@pytest.fixture
def noon(asha, ben, rita, now):
    """Noon of today as everybody here counts: the visits of the story lie after it, on the same day."""
    let_it_be_noon([asha, ben, rita], now)
    clinic = ClinicSettings.load()
    clinic.timezone = rita.profile.timezone
    clinic.quiet_from_hour = clinic.quiet_until_hour = 0
    clinic.save()
    return now.replace(minute=0, second=0, microsecond=0).astimezone(timezone(timedelta(hours=12 - now.hour)))


@pytest.fixture
def kavya(asha, noon):
    """Kavya Iyer, who comes at one."""
    patient = make_patient(asha, first_name="Kavya", last_name="Iyer")
    return make_appointment(asha, patient=patient, scheduled_at=noon + timedelta(hours=1))


def standing(last_name):
    """Return the next visit of a patient that stands."""
    visits = Appointment.objects.open().select_related("patient").order_by("scheduled_at")
    return next(visit for visit in visits if visit.patient.last_name == last_name)


def clock(visit, noon):
    return f"{visit.scheduled_at.astimezone(noon.tzinfo):%H:%M}"


def block(page, visit):
    return page.locator(f'[data-grid] [data-visit="{visit.pk}"]')


def row_of(page, visit):
    return page.locator(f'[data-row="{visit.pk}"]')


def said(page, words):
    page.locator(".toast", has_text=words).first.wait_for()


def test_an_hour_with_a_mouse(browse, kavya, asha, ben, rita, noon, now):
    leila = make_patient(asha, first_name="Leila", last_name="Farouk", email="leila@example.org")
    wish = waiting.add_entry(
        leila, doctor=asha, appointment_type="followup", duration_minutes=50, priority="urgent", by=rita, at=now
    )
    page = browse(rita, "/desk/")

    # A caller who is new here: a click on free time in the doctor's column, the patient taken down in the same form.
    page.get_by_role("link", name="Calendar").first.click()
    page.get_by_role("link", name="By doctor").click()
    page.wait_for_url("**view=doctors**")
    column = page.locator(f'[data-book*="{asha.pk}"]').bounding_box()
    first_hour = int(page.locator("[data-grid]").get_attribute("data-first-hour"))
    page.mouse.click(column["x"] + 40, column["y"] + ROW * ((14 - first_hour) * 4 + 0.5))
    dialog = page.get_by_role("dialog", name="Appointment")
    dialog.locator("summary", has_text="New patient").click()
    birth = dialog.get_by_role("group", name="Date of birth")
    for name, text in (("First name", "Uma"), ("Last name", "Nair"), ("Mobile", "98200 55555")):
        dialog.get_by_label(name).fill(text)
    for name, text in (("Day", "2"), ("Month", "5"), ("Year", "1991")):
        birth.get_by_label(name).fill(text)
    assert_page_is_clean(page)
    dialog.get_by_role("button", name="Book", exact=True).click()
    said(page, "Booked for")
    booked = standing("Nair")
    assert (booked.doctor, clock(booked, noon), booked.booked_by) == (asha, "14:00", rita)

    # She calls back: half an hour later, dragged.
    page.locator(f'main[data-revision="{calendar_revision()}"]').wait_for()
    box = block(page, booked).bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + 48, box["y"] + 20, steps=2)
    page.mouse.move(box["x"] + 48, box["y"] + 12 + 2 * ROW, steps=4)
    page.mouse.up()
    said(page, "Moved to")
    moved = standing("Nair")
    booked.refresh_from_db()
    assert (clock(moved, noon), booked.status, booked.rescheduled_to) == ("14:30", "rescheduled", moved)

    # And every week from then on, four times.
    block(page, moved).click()
    window = page.get_by_role("dialog", name="Uma Nair")
    window.get_by_role("link", name="Make it repeat").click()
    page.get_by_label("How many visits").fill("4")
    page.get_by_role("button", name="Show the dates").click()
    page.get_by_text("4 visits").first.wait_for()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Make it 4 visits").click()
    page.get_by_text("The visit repeats").first.wait_for()
    series = AppointmentSeries.objects.get()
    days = list(series.appointments.order_by("scheduled_at"))
    assert [visit.scheduled_at for visit in days] == [moved.scheduled_at + timedelta(weeks=week) for week in range(4)]
    assert days[0] == moved
    assert_page_is_clean(page)

    # The second of them she cannot come: that one alone is cancelled, and its time is free.
    gap = days[1]
    page.get_by_role("link", name=f"Cancel the visit of {gap.scheduled_at.astimezone(noon.tzinfo):%-d %B}").click()
    page.get_by_label("Reason").fill("At her mother’s")
    page.get_by_role("button", name="Cancel visit").click()
    said(page, "The time is free again")
    gap.refresh_from_db()
    assert gap.status == "cancelled"
    assert series.appointments.open().count() == 3

    # The desk says who waits for such a time; it is offered, and taken on a phone without a sign-in.
    page.get_by_role("link", name="Front desk").first.click()
    freed = page.locator(".freed")
    expect(freed).to_contain_text("Leila Farouk, urgent")
    assert_page_is_clean(page)
    freed.get_by_role("button", name="Offer, hold 15 min").click()
    expect(freed).to_contain_text("held until")
    offer = SlotOffer.objects.get()
    assert (offer.entry, offer.status, offer.starts_at) == (wish, "held", gap.scheduled_at)
    sending.send_due(datetime.now(UTC) + timedelta(minutes=1))
    path = next(word for word in mail.outbox[-1].body.split() if "/offer/" in word)
    phone = browse(None, "/offer/" + path.split("/offer/")[1].strip(".,"), viewport=PHONE)
    assert_page_is_clean(phone)
    phone.get_by_role("button", name="Yes, I take it").tap()
    phone.get_by_text("This time is yours").first.wait_for()
    taken = standing("Farouk")
    assert (taken.scheduled_at, taken.doctor) == (gap.scheduled_at, asha)
    assert WaitingEntry.objects.get().status == "booked"
    freed.get_by_text("held until").wait_for(state="detached")

    # Kavya comes, is shown in, and leaves.
    row_of(page, kavya).get_by_role("button", name="Check in").click()
    expect(row_of(page, kavya)).to_contain_text("Waiting 0 min")
    row_of(page, kavya).get_by_role("button", name="Show in").click()
    expect(row_of(page, kavya)).to_contain_text("In the room")
    kavya.refresh_from_db()
    assert kavya.arrived_at <= kavya.in_room_at
    row_of(page, kavya).get_by_role("link", name="Check out").click()
    page.get_by_label("The visit took place").check()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Check out").click()
    expect(row_of(page, kavya)).to_contain_text("Left ")
    kavya.refresh_from_db()
    assert (kavya.status, kavya.checked_out_at is not None) == ("completed", True)

    # Somebody at the door without a visit: on file, to whoever is free.
    make_patient(ben, first_name="Emma", last_name="Stone")
    page.get_by_role("link", name="Walk-in", exact=True).click()
    page.wait_for_url("**/walk-in/")
    page.get_by_label("Name, phone").press_sequentially("ston")
    page.get_by_label("Emma Stone").check()
    page.get_by_label("Dr Ben Okafor").check()
    page.get_by_role("button", name="Check in").click()
    page.wait_for_url("**/desk/")
    emma = standing("Stone")
    assert (emma.doctor, emma.is_walk_in, emma.arrived_at is not None) == (ben, True, True)
    expect(row_of(page, emma)).to_contain_text("Walk-in")
    assert_page_is_clean(page)


def test_the_hour_on_a_phone(browse, kavya, asha, ben, rita, noon):
    make_patient(asha, first_name="Tomás", last_name="Herrera")
    page = browse(rita, "/desk/", viewport=PHONE, is_mobile=True)

    # Booked by the round button and a free time.
    page.get_by_role("link", name="New appointment").tap()
    page.wait_for_url("**/calendar/new/")
    page.get_by_label("Find the patient").press_sequentially("herr")
    page.get_by_label("Tomás Herrera").tap()
    page.get_by_role("button", name="15:00 Dr Asha Rao").tap()
    expect(page.get_by_label("Time", exact=True)).to_have_value("15:00")
    assert_page_is_clean(page)
    book = page.get_by_role("button", name="Book", exact=True)
    box = book.bounding_box()
    assert box["x"] + box["width"] <= PHONE["width"]
    book.tap()
    page.wait_for_url("**/calendar/?day=*")
    booked = standing("Herrera")
    assert (booked.doctor, clock(booked, noon)) == (asha, "15:00")

    # Moved in its window.
    page.locator(".phone-day").get_by_role("link", name="Tomás Herrera").tap()
    page.get_by_role("dialog", name="Tomás Herrera").get_by_role("link", name="Move").tap()
    dialog = page.get_by_role("dialog", name="Appointment")
    dialog.get_by_label("Time", exact=True).fill("16:00")
    assert_page_is_clean(page)
    dialog.get_by_role("button", name="Move").tap()
    said(page, "Moved to")
    moved = standing("Herrera")
    booked.refresh_from_db()
    assert (clock(moved, noon), booked.status) == ("16:00", "rescheduled")

    # At the desk: checked in, and somebody who walks in.
    page.get_by_role("link", name="Front desk").locator("visible=true").tap()
    page.get_by_role("button", name="Check in Kavya Iyer").tap()
    page.get_by_role("button", name="Show in Kavya Iyer").wait_for()
    kavya.refresh_from_db()
    assert kavya.arrived_at is not None
    make_patient(ben, first_name="Emma", last_name="Stone")
    page.get_by_role("link", name="Walk-in", exact=True).tap()
    page.wait_for_url("**/walk-in/")
    page.get_by_label("Name, phone").press_sequentially("ston")
    page.get_by_label("Emma Stone").tap()
    page.get_by_label("Dr Ben Okafor").tap()
    page.get_by_role("button", name="Check in").tap()
    page.wait_for_url("**/desk/")
    emma = standing("Stone")
    assert (emma.doctor, emma.is_walk_in) == (ben, True)
    expect(row_of(page, emma)).to_contain_text("Walk-in")
    assert_page_is_clean(page)


def test_the_hour_by_keyboard_alone(browse, kavya, asha, ben, rita, noon):
    make_patient(asha, first_name="Tomás", last_name="Herrera")
    make_patient(ben, first_name="Emma", last_name="Stone")
    page = browse(rita, "/desk/")
    press, write = page.keyboard.press, page.keyboard.type

    def reach(target, *, within=60):
        """Go with Tab until something has the focus."""
        target.wait_for()
        for _ in range(within):
            if target.evaluate("node => node === document.activeElement"):
                return
            press("Tab")
        pytest.fail(f"Tab does not reach {target}")

    # To the calendar, and a visit booked from the search box on.
    press("g")
    press("c")
    page.wait_for_url("**/calendar/**")
    press("b")
    page.wait_for_url("**view=doctors**")
    press("n")
    dialog = page.get_by_role("dialog", name="Appointment")
    expect(dialog.get_by_label("Find the patient")).to_be_focused()
    write("herr")
    reach(dialog.get_by_label("Tomás Herrera"))
    press("Space")
    reach(dialog.get_by_label("Doctor"))
    write("Dr A")
    reach(dialog.get_by_role("group", name="Free that day").get_by_role("button", name="15:00", exact=True))
    press("Enter")
    expect(dialog.get_by_label("Time", exact=True)).to_be_focused()
    reach(dialog.get_by_role("button", name="Book", exact=True))
    press("Enter")
    said(page, "Booked for")
    booked = standing("Herrera")
    assert (booked.doctor, clock(booked, noon)) == (asha, "15:00")

    # The new visit has the focus: M moves it, Enter opens what can be done with it.
    expect(block(page, booked)).to_be_focused()
    press("m")
    reach(dialog.get_by_label("Time", exact=True))
    write("0400P")
    reach(dialog.get_by_role("button", name="Move"))
    press("Enter")
    said(page, "Moved to")
    moved = standing("Herrera")
    assert clock(moved, noon) == "16:00"
    expect(block(page, moved)).to_be_focused()
    press("Enter")
    window = page.get_by_role("dialog", name="Tomás Herrera")
    reach(window.get_by_role("link", name="Make it repeat"))
    press("Enter")
    reach(page.get_by_label("How many visits"))
    press("Control+a")
    write("4")
    press("Tab")
    reach(page.get_by_role("button", name="Make it 4 visits"))
    press("Enter")
    page.get_by_text("The visit repeats").first.wait_for()
    days = list(AppointmentSeries.objects.get().appointments.order_by("scheduled_at"))
    assert len(days) == 4

    # One of them is cancelled.
    reach(page.get_by_role("link", name=f"Cancel the visit of {days[2].scheduled_at.astimezone(noon.tzinfo):%-d %B}"))
    press("Enter")
    reach(page.get_by_label("Reason"))
    write("On holiday")
    reach(page.get_by_role("button", name="Cancel visit"))
    press("Enter")
    said(page, "The time is free again")
    assert [visit.status for visit in AppointmentSeries.objects.get().appointments.order_by("scheduled_at")] == [
        "scheduled", "scheduled", "cancelled", "scheduled",
    ]  # fmt: skip
    assert_page_is_clean(page)

    # To the desk: checked in, and a walk-in.
    press("g")
    press("d")
    page.wait_for_url("**/desk/")
    reach(row_of(page, kavya).get_by_role("button", name="Check in"))
    press("Enter")
    expect(row_of(page, kavya).get_by_role("button", name="Show in")).to_be_focused()
    kavya.refresh_from_db()
    assert kavya.arrived_at is not None
    press("w")
    page.wait_for_url("**/walk-in/")
    expect(page.get_by_label("Name, phone")).to_be_focused()
    write("ston")
    reach(page.get_by_label("Emma Stone"))
    press("Space")
    reach(page.locator("[name=doctor]").first)
    while not page.get_by_label("Dr Ben Okafor").is_checked():
        press("ArrowDown")
    reach(page.get_by_role("button", name="Check in"))
    press("Enter")
    page.wait_for_url("**/desk/")
    emma = standing("Stone")
    assert (emma.doctor, emma.is_walk_in) == (ben, True)
    expect(row_of(page, emma)).to_contain_text("Walk-in")
    assert_page_is_clean(page)

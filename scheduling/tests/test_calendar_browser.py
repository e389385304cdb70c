"""The calendar as the desk uses it: with a mouse, on a phone, by keyboard alone, and while others work in it."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from patients.tests.factories import make_patient
from scheduling.changes import calendar_revision
from scheduling.models import Appointment, Room, TimeOff
from scheduling.tests.factories import make_appointment
from scheduling.tests.test_calendar import KOLKATA
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TABLET = {"width": 1024, "height": 768}
ROW = 21  # pixels of a quarter hour


@pytest.fixture
def morning():
    """Ten o'clock at the clinic on the next day that is no Sunday."""
    day = timezone.now().astimezone(timezone.get_default_timezone()) + timedelta(days=1)
    day = day.replace(hour=4, minute=30, second=0, microsecond=0)
    return day + timedelta(days=1) if day.weekday() == 6 else day


@pytest.fixture
def visit(asha, ben, morning):
    """Kavya Iyer with Dr Rao at ten, between other things of the day."""
    room = Room.objects.create(name="Room 2")
    emma = make_patient(doctor=ben, first_name="Emma", last_name="Stone")
    make_appointment(
        ben, patient=emma, scheduled_at=morning, duration_minutes=30, priority="urgent", status="confirmed"
    )
    TimeOff.objects.create(
        kind="meeting",
        title="Team meeting",
        starts_at=morning + timedelta(hours=3),
        ends_at=morning + timedelta(hours=3.5),
    )
    TimeOff.objects.create(
        kind="leave", doctor=ben, starts_at=morning + timedelta(hours=5), ends_at=morning + timedelta(hours=7)
    )
    return make_appointment(asha, scheduled_at=morning, duration_minutes=45, room=room, estimated_cost=2000)


def address(day, view):
    return f"/calendar/?day={day:%Y-%m-%d}&view={view}"


def block(page, visit):
    return page.locator(f'[data-grid] [data-visit="{visit.pk}"]')


def drawn(page):
    """Wait until the board shows the newest change: whatever is redrawn is somewhere else for a moment."""
    page.locator(f'main[data-revision="{calendar_revision()}"]').wait_for()


def drag(page, locator, *, rows=0, columns=0, by=".appt"):
    """Drag a visit, or its grip, by quarter hours and columns."""
    drawn(page)
    locator.scroll_into_view_if_needed()
    box = (locator.locator(by) if by != ".appt" else locator).bounding_box()
    width = page.locator("[data-column]").first.bounding_box()["width"]
    x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 12)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8, y + 8, steps=2)
    page.mouse.move(x + columns * width, y + rows * ROW, steps=4)
    ghost = page.locator(".appt.ghost").inner_text()
    page.mouse.up()
    return ghost


def said(page, words):
    """Wait for a message at the bottom of the page."""
    page.locator(".toast", has_text=words).first.wait_for()


def standing():
    """Return the visit of Tomás Herrera as it stands."""
    return next(
        each for each in Appointment.objects.open().select_related("patient") if each.patient.last_name == "Herrera"
    )


def clock(visit):
    return f"{visit.scheduled_at + timedelta(hours=5.5):%-H:%M}"


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, False), (DESKTOP, True), (PHONE, False), (PHONE, True)])
def test_every_view_is_clean(browse, rita, visit, morning, viewport, dark):
    page = browse(rita, address(morning, "week"), viewport=viewport, dark=dark)

    for view in ("week", "day", "doctors", "month", "agenda"):
        page.goto(address(morning, view))
        assert_page_is_clean(page)
    page.goto(f"/calendar/print/?day={morning:%Y-%m-%d}&view=week")
    assert "Room 2" in page.locator(".paper").inner_text()
    assert_page_is_clean(page)


def test_an_hour_at_the_desk(browse, rita, omar, asha, ben, visit, morning):
    make_patient(doctor=asha, first_name="Tomás", last_name="Herrera")
    page = browse(rita, address(morning, "doctors"))
    column = page.locator(f'[data-book*="{asha.pk}"]')
    box, first = column.bounding_box(), int(page.locator("[data-grid]").get_attribute("data-first-hour"))

    # A click on free time opens the form over the calendar: 14:40 is meant as 14:30.
    page.mouse.click(box["x"] + 40, box["y"] + ROW * ((14 - first) * 4 + 2.7))
    dialog = page.get_by_role("dialog", name="Appointment")
    dialog.wait_for()
    assert dialog.get_by_label("Time").input_value() == "14:30"
    assert_page_is_clean(page)
    dialog.get_by_label("Find the patient").press_sequentially("herr")
    dialog.get_by_label("Tomás Herrera").check()
    dialog.get_by_role("button", name="Book", exact=True).click()
    said(page, "Booked for")
    booked = block(page, standing())
    booked.wait_for()
    assert not dialog.is_visible()

    # Dragged half an hour down, taken back, made longer at its edge.
    assert "15:00 to" in drag(page, booked, rows=2)
    said(page, "Moved to")
    moved = block(page, standing())
    moved.wait_for()
    assert clock(standing()) == "15:00"
    page.locator(".toast").get_by_role("button", name="Undo").last.click()
    said(page, "Back at")
    assert clock(standing()) == "14:30"
    back = block(page, standing())
    back.wait_for()
    minutes = standing().duration_minutes
    drag(page, back, rows=2, by=".grip")
    said(page, "Now until")
    longer = standing()
    assert longer.duration_minutes > minutes
    page.locator(f'[data-grid] [data-visit="{longer.pk}"][data-minutes="{longer.duration_minutes}"]').wait_for()

    # Refused: it goes back and the form says why.
    start = standing().scheduled_at
    drag(page, block(page, standing()), rows=-18)
    dialog.wait_for()
    assert "another visit" in dialog.inner_text()
    assert standing().scheduled_at == start
    assert "saving" not in block(page, standing()).get_attribute("class")
    page.keyboard.press("Escape")

    # Everything about a visit and what is done with it, in place.
    block(page, visit).click()
    window = page.get_by_role("dialog", name="Kavya Iyer")
    window.wait_for()
    text = window.inner_text()
    for part in ("10:00 to 10:45", "Dr Asha Rao · Room 2", "2,000", "insurance not verified", "Not confirmed"):
        assert part in text
    assert_page_is_clean(page, allowed=("409",))
    window.get_by_role("button", name="Confirm").click()
    said(page, "Visit confirmed.")
    page.locator(f'[data-grid] [data-visit="{visit.pk}"]:not(.tent)').wait_for()
    window.get_by_text(re.compile(r"^Confirmed \d")).wait_for()

    # Another desk works meanwhile; the open window stays.
    other = browse(omar, address(morning, "doctors"))
    other.wait_for_load_state()
    late = make_appointment(ben, scheduled_at=morning + timedelta(hours=8), duration_minutes=30)
    block(page, late).wait_for()
    block(other, late).wait_for()
    assert page.get_by_role("dialog", name="Kavya Iyer").is_visible()
    page.keyboard.press("Escape")
    assert block(page, visit).evaluate("node => node === document.activeElement")


def test_the_calendar_on_a_phone(browse, rita, asha, visit, morning):
    page = browse(rita, address(morning, "week"), viewport=PHONE)
    assert not page.locator("[data-grid]").is_visible()

    page.locator(".phone-day").get_by_role("link", name="Kavya Iyer").tap()
    window = page.get_by_role("dialog", name="Kavya Iyer")
    window.wait_for()
    assert window.bounding_box()["width"] == PHONE["width"]
    heights = window.locator(".acts .btn").evaluate_all("nodes => nodes.map((node) => node.offsetHeight)")
    assert min(heights) >= 44
    assert_page_is_clean(page)
    window.get_by_role("button", name="Confirm").tap()
    said(page, "Visit confirmed.")
    window.get_by_role("button", name="Close").tap()
    page.locator(".phone-day").get_by_text("Confirmed").first.wait_for()
    page.get_by_role("button", name="Views, month and filters").tap()
    side = page.locator("#cal-side")
    side.get_by_role("link", name="Agenda").wait_for()
    small = "nodes => nodes.filter((node) => node.offsetHeight && node.offsetHeight < 44).map((node) => node.outerHTML)"
    assert side.locator("a, .check").evaluate_all(small) == []
    side.get_by_role("link", name="Agenda").tap()
    page.wait_for_url("**view=agenda**")

    assert page.get_by_role("link", name="Kavya Iyer").is_visible()


def test_a_finger_scrolls_at_once_and_drags_after_a_long_press(browse, rita, asha, visit, morning):
    page = browse(rita, address(morning, "week"), viewport=TABLET, is_mobile=True)
    # The page scrolls to the hour it is; the visit may be outside of what shows then.
    page.wait_for_load_state("networkidle")
    block(page, visit).scroll_into_view_if_needed()
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    box = block(page, visit).bounding_box()
    x, y = box["x"] + 30, box["y"] + 10
    touch = page.context.new_cdp_session(page)

    def finger(kind, *, down=0):
        points = [] if kind == "touchEnd" else [{"x": x, "y": y + down}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart")
    page.wait_for_timeout(600)
    page.locator(".appt.ghost").wait_for()
    finger("touchMove", down=ROW)
    finger("touchMove", down=4 * ROW)
    finger("touchEnd")
    said(page, "Moved to")

    assert sideways == 0
    stands = Appointment.objects.open().get(patient=visit.patient)
    assert clock(stands) == "11:00"


def test_the_calendar_by_keyboard_alone(browse, rita, asha, ben, visit, morning):
    later = make_appointment(asha, scheduled_at=morning + timedelta(hours=2), duration_minutes=45)
    page = browse(rita, address(morning, "doctors"))
    focused = "document.activeElement.dataset.visit"
    press = page.keyboard.press

    # One visit is in the tab order; arrows go by time and by column.
    assert page.locator('[data-grid] [data-visit][tabindex="0"]').count() == 1
    block(page, visit).focus()
    press("ArrowDown")
    assert page.evaluate(focused) == str(later.pk)
    press("ArrowUp")
    assert page.evaluate(focused) == str(visit.pk)
    sideways = "ArrowLeft" if block(page, visit).evaluate("node => node.classList.contains('d2')") else "ArrowRight"
    press(sideways)
    assert page.evaluate(focused) not in {str(visit.pk), str(later.pk)}
    block(page, visit).focus()

    # Enter opens, Escape gives the focus back, M moves.
    press("Enter")
    page.get_by_role("dialog", name="Kavya Iyer").wait_for()
    press("Escape")
    assert page.evaluate(focused) == str(visit.pk)
    press("m")
    dialog = page.get_by_role("dialog", name="Appointment")
    dialog.wait_for()
    dialog.get_by_label("Time").fill("16:00")
    dialog.get_by_label("Time").press("Enter")
    said(page, "Moved to")
    page.wait_for_function("old => !document.querySelector(`[data-grid] [data-visit='${old}']`)", arg=str(visit.pk))
    stands = Appointment.objects.open().get(patient=visit.patient)
    assert clock(stands) == "16:00"
    page.wait_for_function(f"{focused} === '{stands.pk}'")
    press("z")
    said(page, "Back at")

    # Views, days, help.
    press("?")
    page.get_by_role("dialog", name="Keyboard shortcuts").get_by_text("On a visit: move it").wait_for()
    press("Escape")
    page.evaluate("document.activeElement.blur()")
    for key, view in (("w", "week"), ("a", "agenda"), ("m", "month"), ("d", "day"), ("b", "doctors")):
        press(key)
        page.wait_for_url(f"**view={view}**")
    press("ArrowRight")
    page.wait_for_url(f"**day={morning + timedelta(days=1):%Y-%m-%d}**")
    press("t")
    page.wait_for_url(f"**day={timezone.localdate(timezone=KOLKATA):%Y-%m-%d}**")
    press("n")
    dialog.get_by_label("Find the patient").wait_for()

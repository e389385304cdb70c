"""The waiting list in a real browser: a visit is cancelled, its time offered, refused, offered on and taken on a phone."""

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from patients.tests.factories import make_patient
from scheduling.models import Appointment, SlotOffer, WaitingEntry
from scheduling.services import feeds, offers, sending, waiting
from scheduling.tests.factories import make_appointment
from synapse.accounts.models import ClinicSettings
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def link_in_the_last_mail():
    sending.send_due(timezone.now())
    words = mail.outbox[-1].body.split()
    return next(word for word in words if "/offer/" in word)


def path_of(link):
    return "/offer/" + link.split("/offer/")[1].strip(".,")


def test_a_time_that_came_free_is_offered_down_the_list_and_taken_on_a_phone(browse, asha, rita):
    now = timezone.now()
    ClinicSettings.load()
    ClinicSettings.objects.update(quiet_from_hour=0, quiet_until_hour=0, address="12 Lake Road\nPune", timezone="UTC")
    start = (now + timedelta(days=1)).replace(hour=9, minute=30, second=0, microsecond=0)
    given_up = make_appointment(
        asha, patient=make_patient(asha, first_name="Rohan", last_name="Pillai"), scheduled_at=start
    )
    ishaan = make_patient(asha, first_name="Ishaan", last_name="Kapoor", email="ishaan@example.org")
    later = make_appointment(
        asha,
        patient=make_patient(asha, first_name="Elena", last_name="Petrova", email="elena@example.org"),
        scheduled_at=start + timedelta(days=9),
    )
    waiting.add_entry(
        ishaan, doctor=asha, appointment_type="followup", duration_minutes=50, priority="urgent", by=rita, at=now
    )

    # Elena is put on the list from her visit.
    page = browse(rita, f"{reverse('scheduling:waiting_add')}?visit={later.pk}")
    assert "Keeps the visit on" in page.text_content("form.waiting-form")
    assert_page_is_clean(page)
    page.fill("#id_from_clock", "09:00")
    page.fill("#id_until_clock", "09:20")
    page.get_by_role("button", name="Put on the list").click()
    page.wait_for_selector("text=has no room")
    page.fill("#id_until_clock", "12:00")
    page.get_by_role("button", name="Put on the list").click()
    page.wait_for_url("**/calendar/waiting/")
    assert "Elena Petrova" in page.text_content("main")

    # Her colleague cancels a visit, and the card names who fits.
    page.goto(reverse("scheduling:cancel", args=[given_up.pk]))
    page.fill("[name=reason]", "Ill")
    page.get_by_role("button", name="Cancel visit").last.click()
    page.wait_for_url("**/calendar/**")
    page.goto(reverse("scheduling:waiting_list"))
    assert "Ishaan Kapoor, urgent" in " ".join(page.text_content(".freed").split())
    assert_page_is_clean(page, allowed=("422",))
    page.check("text=Then go on down the list by itself")
    page.get_by_role("button", name="Offer, hold 15 min").click()
    page.wait_for_selector(".freed >> text=Then the next in line is asked")
    assert_page_is_clean(page, allowed=("422",))

    # Ishaan opens the link twice, which uses nothing, and says no.
    phone = browse(None, path_of(link_in_the_last_mail()), viewport=PHONE)
    phone.reload()
    assert "Ishaan" not in phone.content()
    assert_page_is_clean(phone)
    phone.get_by_role("button", name="No, thank you").click()
    phone.wait_for_selector("text=You stay on the waiting list")

    # Elena is next in line, gives up her later visit and gets the time.
    phone = browse(None, path_of(link_in_the_last_mail()), viewport=PHONE, dark=True)
    assert "is moved to this time" in phone.text_content("main")
    phone.get_by_role("button", name="Yes, I take it").click()
    phone.wait_for_selector("text=This time is yours")
    assert_page_is_clean(phone)
    later.refresh_from_db()
    visit = Appointment.objects.active().get(doctor=asha, scheduled_at=start)
    assert (visit.patient, later.status, later.rescheduled_to) == (later.patient, "rescheduled", visit)
    assert [offer.status for offer in SlotOffer.objects.order_by("created_at")] == ["declined", "accepted"]

    page.goto(f"{reverse('scheduling:calendar')}?day={start.date()}&view=day")
    page.wait_for_selector("text=Petrova")
    page.goto(reverse("scheduling:slot", args=[SlotOffer.objects.first().slot_id]))
    assert_page_is_clean(page, allowed=("422",))
    # The time she gave up is free in turn: it is offered from its own page.
    offers.go_down_the_list(timezone.now())
    page.goto(reverse("scheduling:waiting_list"))
    page.get_by_role("button", name="Take off").click()
    page.get_by_role("button", name="Put back").click()
    page.wait_for_selector("text=Back on the waiting list")
    assert WaitingEntry.objects.get(patient=ishaan).status == "waiting"


def test_the_pages_of_the_waiting_list_are_clean(browse, asha, rita):
    now = timezone.now()
    entry = waiting.add_entry(
        make_patient(asha), doctor=None, appointment_type="followup", duration_minutes=50, by=rita, at=now
    )
    start = now + timedelta(days=2)
    slot = offers.open_slot(
        asha,
        starts_at=start.replace(hour=6, minute=0, second=0, microsecond=0),
        ends_at=start.replace(hour=6, minute=50, second=0, microsecond=0),
        by=rita,
        at=now,
    )
    page = browse(rita, reverse("scheduling:slot", args=[slot.pk]), viewport=PHONE, dark=True)
    assert_page_is_clean(page)
    for name, arguments in (("waiting_list", []), ("waiting_edit", [entry.pk]), ("slot_new", []), ("waiting_add", [])):
        page.goto(reverse(f"scheduling:{name}", args=arguments))
        assert_page_is_clean(page)

    feeds.make_feed(label="my phone", with_names=True, by=asha, at=now)
    page = browse(asha, reverse("calendars:list"), viewport=PHONE)
    assert_page_is_clean(page)
    page.fill("#id_label", "Practice laptop")
    page.get_by_role("button", name="Make an address").click()
    page.wait_for_selector("#feed-address")
    assert_page_is_clean(page)

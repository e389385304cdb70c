"""A reminder goes out by SMS, the patient answers on a phone, and desk and calendar know."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from patients.tests.factories import make_patient
from scheduling.models import AppointmentMessage
from scheduling.services import sending
from scheduling.tests.factories import make_appointment
from scheduling.tests.test_calendar import KOLKATA
from synapse.accounts.models import ClinicSettings
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def kavya(asha):
    clinic = ClinicSettings.load()
    clinic.name, clinic.address, clinic.phone = "Bodhi Practice", "14 Law College Road\nPune 411004", "+91 20 2640 1000"
    clinic.message_channels = "sms"
    clinic.quiet_from_hour = clinic.quiet_until_hour = 0
    clinic.save()
    return make_patient(
        doctor=asha,
        first_name="Kavya",
        last_name="Iyer",
        phone_primary="+919822012345",
        email="kavya@example.org",
        preferred_language="Hindi",
    )


def text_of(row):
    return (Path(django_settings.DATA_DIR) / "sms" / f"{row.pk}.txt").read_text()


def test_a_reminder_is_answered_on_a_phone(browse, rita, asha, kavya, settings):
    start = (timezone.now() + timedelta(days=2, hours=1)).replace(minute=0, second=0, microsecond=0)
    visit = make_appointment(asha, patient=kavya, scheduled_at=start, appointment_type="emergency")
    desk = browse(rita, f"/calendar/messages/for-patient/{kavya.pk}/")
    assert "Waiting for its time" in desk.content()
    sending.send_due(start - timedelta(hours=24))
    reminder = AppointmentMessage.objects.get(appointment=visit, hours_before=24)
    text = text_of(reminder)
    path = re.search(r"/visit/[\w-]{43}/", text)[0]
    assert text.startswith("+919822012345\n\nBodhi Practice: ")

    phone = browse(None, path, viewport=PHONE, locale="hi-IN")
    assert_page_is_clean(phone)
    phone.get_by_role("button", name="हाँ, आऊँगा").click()
    phone.get_by_role("heading", name="धन्यवाद, फिर मिलेंगे").wait_for()
    assert_page_is_clean(phone)
    visit.refresh_from_db()
    assert (visit.status, visit.confirmed_by_patient, visit.reminder_sent) == ("confirmed", True, True)
    desk.goto(f"/calendar/?day={start.astimezone(KOLKATA):%Y-%m-%d}&view=day")
    assert "onfirmed" in desk.locator(f'[data-visit="{visit.pk}"]').first.text_content()
    phone.locator("summary").first.press("Enter")
    phone.locator("#id_other").fill("शाम को")
    phone.get_by_role("button", name="भेजें").click()
    phone.get_by_role("heading", name="आपकी बात हमें मिल गई").wait_for()
    stranger = browse(None, path, viewport=PHONE, dark=True)
    stranger.get_by_role("heading").wait_for()
    assert "Kavya" not in stranger.content()
    assert_page_is_clean(stranger, allowed=("404",))

    desk.goto(f"/calendar/{visit.pk}/")
    desk.get_by_text("शाम को").wait_for()
    desk.get_by_role("region", name="Messages").get_by_text("24 h before").wait_for()
    assert_page_is_clean(desk)
    desk.get_by_role("button", name="Request settled").click()
    desk.get_by_text("The request is settled").first.wait_for()
    desk.goto(f"/calendar/{visit.pk}/")
    assert desk.get_by_text("शाम को").count() == 0
    desk.get_by_role("button", name="Send reminder").click()
    desk.get_by_text("goes out within a minute").first.wait_for()
    assert sending.send_due(timezone.now() + timedelta(seconds=1)) == 1


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, False), (PHONE, True)])
def test_the_log_and_the_preference_are_clean(browse, rita, asha, kavya, viewport, dark):
    visit = make_appointment(asha, patient=kavya, scheduled_at=timezone.now() + timedelta(days=5))
    sending.send_due(timezone.now() + timedelta(minutes=3))
    page = browse(rita, f"/calendar/messages/for-patient/{kavya.pk}/", viewport=viewport, dark=dark)
    assert_page_is_clean(page)

    page.get_by_role("button", name="Send again").first.click()
    page.get_by_text("goes out within a minute").first.wait_for()
    page.get_by_label("By e-mail", exact=True).check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved how this patient is written to").first.wait_for()

    kavya.refresh_from_db()
    assert kavya.message_channel == "email"
    assert visit.messages.filter(again=1).exists()
    assert_page_is_clean(page)

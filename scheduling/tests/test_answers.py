"""The patient's link: shown to nobody in particular, used up by one answer, dead with its visit."""

import logging
import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from patients.contact.reaching import channels_of
from patients.tests.factories import make_patient
from scheduling.messages.queries import list_requests
from scheduling.models import AppointmentLink
from scheduling.services import answers, appointments, sending
from scheduling.tests.factories import make_appointment
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db
PATH = re.compile(r"https?://[^/\s]+(/visit/[\w-]{43}/)")


@pytest.fixture
def patient(asha):
    return make_patient(
        doctor=asha,
        first_name="Kavya",
        last_name="Iyer",
        email="kavya@example.org",
        preferred_language="German",
    )


@pytest.fixture
def visit(asha, patient, now):
    start = (now + timedelta(days=9)).replace(minute=0, second=0, microsecond=0)
    return make_appointment(
        asha, patient=patient, scheduled_at=start, chief_complaint="Panic attacks", appointment_type="emergency"
    )


@pytest.fixture(autouse=True)
def clinic():
    clinic = ClinicSettings.load()
    clinic.name, clinic.phone, clinic.quiet_from_hour, clinic.quiet_until_hour = "Bodhi Practice", "+91 20 264", 0, 0
    clinic.save()
    return clinic


def path_of(visit, *, kind="booked"):
    """Send what is due of a visit and return the path in its latest mail."""
    sending.send_due(timezone.now() + timedelta(minutes=3))
    return PATH.search(mail.outbox[-1].body)[1]


def answer(client, path, what, **fields):
    return client.post(path, {"answer": what, **fields})


def test_opening_the_link_shows_the_time_and_does_nothing(client, visit):
    path = path_of(visit)

    for _ in range(3):
        page = client.get(path)

    text = page.content.decode()
    assert page.status_code == 200
    assert "Kommen Sie?" in text
    assert '<html lang="de">' in text
    assert not any(word in text for word in ("Kavya", "Iyer", "Panic", "mergency", "Asha", "Rao", "PAT-"))
    assert (page["Cache-Control"], page["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "noindex" in page["X-Robots-Tag"]
    visit.refresh_from_db()
    assert (visit.status, AppointmentLink.objects.get().used_at) == ("scheduled", None)


def test_pressing_the_button_confirms_once_and_this_browser_may_go_on(client, visit):
    path = path_of(visit)

    done = answer(client, path, "confirm")

    assert (done.status_code, done["Location"]) == (303, path)
    visit.refresh_from_db()
    assert (visit.status, visit.confirmed_by, visit.confirmed_by_patient) == ("confirmed", None, True)
    page = client.get(path).content.decode()
    assert "Danke, bis dann" in page
    assert "zehn minuten" in page.casefold()
    assert Client().get(path).status_code == 404
    assert answer(Client(), path, "cancel").status_code == 404


def test_who_confirmed_may_still_cancel_in_the_next_ten_minutes(client, visit, patient):
    path = path_of(visit)
    answer(client, path, "confirm")

    answer(client, path, "cancel", text="  Ich bin verreist ")

    visit.refresh_from_db()
    assert (visit.status, visit.cancelled_by, visit.cancelled_by_patient) == ("cancelled", None, True)
    assert visit.cancellation_reason == "Ich bin verreist"
    assert "Ihr Termin ist abgesagt" in client.get(path).content.decode()
    assert answer(client, path, "confirm").status_code in {200, 410}
    visit.refresh_from_db()
    assert visit.status == "cancelled"
    event = AuditEvent.objects.filter(target_id=str(visit.pk), detail__verb="cancel").get()
    assert (event.actor_id, event.patient_id) == (None, patient.pk)


def test_within_the_clinics_notice_patients_are_asked_to_call(client, asha, patient, clinic):
    clinic.cancel_notice_hours = 48
    clinic.save()
    soon = make_appointment(asha, patient=patient, scheduled_at=timezone.now() + timedelta(hours=47))
    path = path_of(soon)

    page = client.get(path).content.decode()
    refused = answer(client, path, "cancel")

    assert "rufen Sie uns an" in page
    assert 'value="cancel"' not in page
    assert refused.status_code == 409
    soon.refresh_from_db()
    assert (soon.status, AppointmentLink.objects.get(appointment=soon).used_at) == ("scheduled", None)


def test_a_request_for_another_time_reaches_desk_and_doctor_and_can_be_settled(client, visit, asha, ben, rita, now):
    path = path_of(visit)
    empty = answer(client, path, "other_time", text=" ")
    long = answer(client, path, "other_time", text="x" * 301)

    answer(client, path, "other_time", text="Lieber abends")

    assert (empty.status_code, long.status_code) == (422, 422)
    assert "welche Zeiten Ihnen passen" in empty.content.decode()
    for reader in (rita, asha):
        (found,) = list_requests(reader, at=now)
        assert (found.pk, found.patient_request, found.status) == (visit.pk, "Lieber abends", "scheduled")
    assert not list_requests(ben, at=now).exists()
    answers.settle_request(list_requests(rita, at=now)[0], by=rita, at=now)
    assert not list_requests(rita, at=now).exists()


def test_a_move_settles_the_request(client, visit, rita, now):
    answer(client, path_of(visit), "other_time", text="Lieber abends")
    visit.refresh_from_db()

    appointments.reschedule_appointment(
        visit, scheduled_at=visit.scheduled_at + timedelta(hours=5), reason="", by=rita, at=now
    )

    assert not list_requests(rita, at=now).exists()


def test_stop_means_no_message_any_more(client, visit, patient):
    path = path_of(visit)

    answer(client, path, "stop")

    patient.refresh_from_db()
    assert patient.messages_stopped_at is not None
    assert set(visit.messages.exclude(status="sent").values_list("status", "skip_reason")) == {("skipped", "opted_out")}
    page = client.get(path).content.decode()
    assert "keine Nachrichten mehr" in page
    assert 'value="stop"' not in page
    visit.refresh_from_db()
    assert visit.status == "scheduled"


def test_the_link_of_a_moved_visit_says_so_and_nothing_else(client, visit, rita, now):
    path = path_of(visit)
    old_clock = f"{visit.scheduled_at.astimezone(timezone.get_default_timezone()):%H:%M}"
    appointments.reschedule_appointment(
        visit, scheduled_at=visit.scheduled_at + timedelta(days=1), reason="", by=rita, at=now
    )

    page = client.get(path)

    assert page.status_code == 410
    text = page.content.decode()
    assert "Dieser Termin wurde verlegt" in text
    assert old_clock not in text
    assert answer(client, path, "confirm").status_code == 410
    assert AppointmentLink.objects.get(appointment=visit).used_at is None


def test_a_longer_visit_at_the_same_time_keeps_its_link(client, visit, rita, now):
    path = path_of(visit)
    longer = appointments.reschedule_appointment(
        visit, scheduled_at=visit.scheduled_at, duration_minutes=80, reason="", by=rita, at=now
    )

    answer(client, path, "confirm")

    longer.refresh_from_db()
    assert longer.status == "confirmed"
    assert longer.messages.filter(kind="moved").count() == 0


@pytest.mark.parametrize(("verb", "words"), [("cancel", "wurde abgesagt"), ("begin", "ist vorbei")])
def test_the_link_of_a_visit_that_is_off_or_over_opens_nothing(client, visit, asha, now, verb, words):
    path = path_of(visit)
    if verb == "cancel":
        appointments.cancel_appointment(visit, reason="Ill", by=asha, at=now)
    else:
        appointments.complete_appointment(visit, by=asha, at=visit.scheduled_at)

    page = client.get(path)

    assert (page.status_code, words in page.content.decode()) == (410, True)
    assert answer(client, path, "confirm").status_code == 410


def test_links_that_never_were_look_alike_and_guessing_is_slowed_down(client, visit):
    guess = "/visit/" + "x" * 43 + "/"

    statuses = [client.get(guess).status_code for _ in range(12)]

    assert statuses[:10] == [404] * 10
    assert statuses[-1] == 429


def test_other_methods_and_unknown_answers_do_nothing(client, visit):
    path = path_of(visit)

    assert client.put(path).status_code == 405
    assert client.delete(path).status_code == 405
    assert answer(client, path, "explode").status_code == 404
    assert AppointmentLink.objects.get().used_at is None


def test_the_token_is_stored_as_a_hash_only_and_masked_in_logs(client, visit, caplog):
    path = path_of(visit)
    token = path.split("/")[2]

    link = AppointmentLink.objects.get()
    assert token not in str(vars(link)) + str(vars(link.message))
    assert link.expires_at == visit.scheduled_at

    from synapse.links.logs import MaskTokens

    record = logging.LogRecord("django.request", logging.WARNING, "", 1, "Not Found: %s", (path,), None)
    assert MaskTokens().filter(record)
    assert token not in record.getMessage()


def test_a_link_is_used_by_the_first_of_two_browsers(visit, now):
    token = path_of(visit).split("/")[2]
    first, second = (answers.find_link(token, answered=None, at=now) for _ in range(2))

    answers.confirm(first, at=now)

    with pytest.raises(answers.LinkGone):
        answers.cancel(second, text="", at=now)
    visit.refresh_from_db()
    assert visit.status == "confirmed"


@pytest.fixture
def sent(visit):
    path_of(visit)
    return visit.messages.get(kind="booked")


def test_the_log_of_a_patient_says_what_went_when_and_why_not(signed_in, rita, asha, ben, visit, sent):
    address = f"/calendar/messages/for-patient/{visit.patient_id}/"

    page = signed_in(rita).get(address).content.decode()

    assert "Booked" in page
    assert "Send again" in page
    assert "Waiting for its time" in page
    assert signed_in(asha).get(address).status_code == 200
    assert signed_in(ben).get(address).status_code == 404


def test_a_message_goes_again_and_a_reminder_now(signed_in, rita, ben, visit, sent):
    again, remind = f"/calendar/messages/{sent.pk}/again/", f"/calendar/{visit.pk}/remind/"

    assert signed_in(ben).post(again).status_code == 404
    assert signed_in(ben).post(remind).status_code == 404
    assert signed_in(rita).get(remind).status_code == 405
    assert signed_in(rita).post(again).status_code == 302
    assert signed_in(rita).post(remind).status_code == 302
    refused = signed_in(rita).post(remind)

    assert refused.status_code == 409
    assert "on its way already" in refused.content.decode()
    assert sending.send_due(timezone.now()) == 2
    assert len(mail.outbox) == 3


def test_the_desk_writes_down_how_a_patient_wants_to_be_written_to(signed_in, rita, ben, visit, patient):
    address = f"/calendar/messages/for-patient/{patient.pk}/preference/"

    assert signed_in(ben).post(address, {"message_channel": "sms"}).status_code == 404
    assert signed_in(rita).post(address, {"message_channel": "pigeon"}).status_code == 422
    assert signed_in(rita).post(address, {"message_channel": "none"}).status_code == 302
    patient.refresh_from_db()
    assert patient.messages_stopped_at is not None
    assert channels_of(patient, ClinicSettings.load()) == ()
    assert signed_in(rita).post(address, {"message_channel": "sms"}).status_code == 302

    patient.refresh_from_db()
    assert patient.messages_stopped_at is None
    assert channels_of(patient, ClinicSettings.load()) == ("sms",)


def test_the_page_of_a_visit_shows_its_messages_and_settles_a_request(signed_in, client, rita, ben, visit):
    answer(client, path_of(visit), "other_time", text="Lieber abends")
    desk, address = signed_in(rita), f"/calendar/{visit.pk}/messages/"

    assert "Waiting for its time" in desk.get(address).content.decode()
    assert signed_in(ben).get(address).status_code == 404
    assert signed_in(ben).post(f"/calendar/{visit.pk}/settle-request/").status_code == 404
    settled = desk.post(f"/calendar/{visit.pk}/settle-request/", headers={"HX-Request": "true"})

    assert (settled.status_code, "calendar-changed" in settled["HX-Trigger"]) == (204, True)
    assert "Lieber abends" not in desk.get(f"/calendar/{visit.pk}/").content.decode()

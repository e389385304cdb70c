"""The doors of the waiting list, of free times and of the page behind an offer's link."""

import logging
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from patients.tests.factories import make_patient
from scheduling.models import FreedSlot, SlotOffer, WaitingEntry
from scheduling.services import appointments, offers, waiting
from scheduling.tests.factories import make_appointment
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent, AuditSubject
from synapse.links.tokens import new_token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_night(db):
    ClinicSettings.load()
    ClinicSettings.objects.update(quiet_from_hour=0, quiet_until_hour=0, timezone="UTC", name="Banyan House")


@pytest.fixture
def entry(asha, now):
    patient = make_patient(asha, first_name="Ishaan", last_name="Kapoor", email="ishaan@example.org")
    return waiting.add_entry(
        patient, doctor=asha, appointment_type="followup", duration_minutes=50, priority="urgent", by=asha, at=now
    )


@pytest.fixture
def slot(asha, now):
    start = (now + timedelta(days=2)).replace(hour=10, minute=0, second=0, microsecond=0)
    return offers.open_slot(asha, starts_at=start, ends_at=start + timedelta(minutes=50), by=asha, at=now)


@pytest.fixture
def link(asha, slot, entry, now):
    made = offers.offer_slot(slot, entry, by=asha, at=now)
    token, made.token_hash = new_token()
    made.save()
    return reverse("offer:open", args=[token])


def page(name, *args):
    return reverse(f"scheduling:{name}", args=args)


@pytest.mark.parametrize("name", ["waiting_list", "waiting_side", "waiting_add", "freed_slots", "slot_new"])
def test_strangers_sign_in_and_colleagues_get_in(client, signed_in, asha, rita, omar, name):
    assert client.get(page(name)).status_code == 302
    for person in (asha, rita, omar):
        assert signed_in(person).get(page(name)).status_code == 200


def test_another_doctors_entry_and_time_are_not_there(signed_in, ben, entry, slot):
    client = signed_in(ben)
    for name in ("waiting_remove", "waiting_put_back", "waiting_edit"):
        assert client.post(page(name, entry.pk)).status_code == 404
    for name in ("offer", "leave_open", "stop_going_on"):
        assert client.post(page(name, slot.pk)).status_code == 404
    assert client.get(page("slot", slot.pk)).status_code == 404
    assert b"Kapoor" not in client.get(page("waiting_list")).content + client.get(page("waiting_side")).content


@pytest.mark.parametrize("name", ["offer", "leave_open", "stop_going_on", "waiting_remove", "withdraw_offer"])
def test_changes_are_posted(signed_in, rita, slot, name):
    assert signed_in(rita).get(page(name, slot.pk)).status_code == 405


def test_the_desk_puts_a_patient_on_the_list_with_a_window(signed_in, rita, asha):
    patient = make_patient(asha)
    sent = {
        "patient": patient.pk,
        "doctor": "",
        "appointment_type": "followup",
        "duration_minutes": 30,
        "priority": "high",
        "weekdays": ["0", "3"],
        "until_clock": "12:00",
    }

    refused = signed_in(rita).post(page("waiting_add"), sent | {"from_clock": "11:45"})
    response = signed_in(rita).post(page("waiting_add"), sent)

    assert (refused.status_code, response.status_code) == (422, 302)
    made = WaitingEntry.objects.get()
    assert (made.patient, made.doctor, made.weekdays, made.added_by) == (patient, None, [0, 3], rita)
    assert "Mondays and Thursdays, mornings" in signed_in(rita).get(page("waiting_side")).content.decode()


def test_a_colleagues_patient_cannot_be_put_on_the_list(signed_in, ben, asha):
    sent = {"patient": make_patient(asha).pk, "appointment_type": "followup", "duration_minutes": 30, "priority": "low"}

    assert signed_in(ben).post(page("waiting_add"), sent).status_code == 422
    assert not WaitingEntry.objects.exists()


def test_the_card_names_the_first_in_line_offers_with_one_press_and_leaves_a_trail(signed_in, rita, slot, entry):
    client = signed_in(rita)
    card = client.get(page("freed_slots")).content.decode()
    answer = client.post(page("offer", slot.pk), {"entry": entry.pk, "goes_on": "on"}, headers={"HX-Request": "true"})

    assert "Ishaan Kapoor</span>, urgent, any time, Dr Asha Rao, waiting since today" in card
    assert AuditSubject.objects.filter(patient_id=entry.patient_id).exists()
    assert "held until" in answer.content.decode()
    assert SlotOffer.objects.get().status == "held"
    slot.refresh_from_db()
    assert slot.goes_on_for == rita

    withdrawn = client.post(page("withdraw_offer", SlotOffer.objects.get().pk))
    assert withdrawn.status_code == 302
    assert SlotOffer.objects.get().status == "withdrawn"


def test_a_card_without_free_times_is_empty(signed_in, rita):
    assert signed_in(rita).get(page("freed_slots")).content.strip() == b""


def test_the_number_of_those_who_wait_is_counted_for_the_rail(signed_in, rita, entry):
    counted = signed_in(rita).get("/counts/").json()["counts"]

    assert counted["scheduling:waiting_list"] == 1


def test_the_list_takes_the_same_queries_for_many(signed_in, rita, asha, entry, now, django_assert_max_num_queries):
    for _ in range(12):
        waiting.add_entry(
            make_patient(asha), doctor=asha, appointment_type="followup", duration_minutes=50, by=rita, at=now
        )
    client = signed_in(rita)
    client.get(page("waiting_list"))
    with django_assert_max_num_queries(40):
        client.get(page("waiting_list"))


def test_opening_the_link_uses_nothing_and_names_nobody(client, link):
    for _ in range(3):
        response = client.get(link)

    content = response.content.decode()
    assert response.status_code == 200
    assert "Banyan House" in content
    assert "Kapoor" not in content
    assert "Rao" not in content
    assert response["Cache-Control"] == "no-store"
    assert SlotOffer.objects.get().status == "held"


def test_the_button_takes_the_time_and_the_page_says_so_afterwards(client, link, slot, entry):
    response = client.post(link, {"answer": "take"})

    assert response.status_code == 303
    assert "This time is yours" in client.get(link).content.decode()
    entry.refresh_from_db()
    assert entry.appointment.scheduled_at == slot.starts_at
    assert client.post(link, {"answer": "decline"}).status_code == 200
    assert SlotOffer.objects.get().status == "accepted"


@pytest.mark.parametrize("end", ["cancel", "reschedule"])
def test_a_taken_time_is_nobodys_any_more_once_its_visit_is_off(client, link, rita, slot, end):
    client.post(link, {"answer": "take"})
    visit = SlotOffer.objects.get().appointment
    if end == "cancel":
        appointments.cancel_appointment(visit, reason="Ill", by=rita, at=timezone.now())
    else:
        later = slot.starts_at + timedelta(days=1)
        appointments.reschedule_appointment(visit, scheduled_at=later, reason="", by=rita, at=timezone.now())

    response = client.get(link)

    assert response.status_code == 410
    assert "This time is yours" not in response.content.decode()


def test_a_doctor_does_not_learn_whom_of_a_colleagues_patients_the_desk_asked(signed_in, asha, ben, rita, slot, now):
    patient = make_patient(ben, first_name="Tara", last_name="Pillai", email="tara@example.org")
    entry = waiting.add_entry(
        patient, doctor=None, appointment_type="followup", duration_minutes=50, priority="low", by=rita, at=now
    )
    offers.offer_slot(slot, entry, by=rita, at=now)

    for address in (page("slot", slot.pk), page("freed_slots"), page("waiting_list")):
        seen, known = (signed_in(person).get(address).content.decode() for person in (asha, rita))
        assert "Pillai" not in seen
        assert "a patient of a colleague" in seen
        assert "Tara Pillai" in known
    read_by_asha = AuditEvent.objects.filter(actor_id=asha.pk).values("seq")
    assert not AuditSubject.objects.filter(patient_id=patient.pk, event_seq__in=read_by_asha).exists()


def test_a_link_that_is_over_offers_nothing(client, link, asha):
    SlotOffer.objects.update(held_until=timezone.now() - timedelta(seconds=1))

    assert client.get(link).status_code == 410
    assert client.post(link, {"answer": "take"}).status_code == 410
    assert FreedSlot.objects.get().status == "open"


def test_a_made_up_link_is_not_there_is_slowed_down_and_stays_out_of_the_log(client, db, caplog):
    token = "x" * 43
    with caplog.at_level(logging.WARNING, logger="django.request"):
        answers = [client.get(f"/offer/{token}/").status_code for _ in range(12)]

    assert answers[0] == 404
    assert answers[-1] == 429
    from synapse.links.logs import MaskTokens

    for record in caplog.records:
        MaskTokens().filter(record)
        assert token not in record.getMessage()


def test_a_visit_that_would_come_earlier_fills_the_form(signed_in, rita, asha):
    visit = make_appointment(asha, scheduled_at=timezone.now() + timedelta(days=9))

    content = signed_in(rita).get(page("come_earlier", visit.pk), follow=True).content.decode()

    assert "Keeps the visit on" in content
    assert visit.patient.full_name in content

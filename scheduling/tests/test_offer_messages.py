"""The message of a free time offered from the waiting list: one channel, one token, and only while it is held."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from patients.contact.reaching import CannotSend
from patients.tests.factories import make_patient
from scheduling.models import FreedSlot, SlotOffer, WaitingEntry
from scheduling.services import messages, sending
from synapse.audit.services import unit_of_work
from synapse.links.tokens import hash_token, new_token

pytestmark = pytest.mark.django_db
# A Monday, 14:30 at the clinic (Asia/Kolkata).
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def kavya(asha):
    return make_patient(doctor=asha, email="kavya@example.org", phone_primary="+919822012345")


@pytest.fixture
def offer(asha, kavya):
    times = {"doctor": asha, "starts_at": NOW + timedelta(days=1), "ends_at": NOW + timedelta(days=1, minutes=50)}
    entry = WaitingEntry.objects.create(
        patient=kavya, doctor=asha, appointment_type="followup", status="offered", added_by=asha
    )
    return SlotOffer.objects.create(
        entry=entry,
        slot=FreedSlot.objects.create(**times),
        held_until=NOW + timedelta(minutes=15),
        token_hash=new_token().token_hash,
        **times,
    )


def queue(offer):
    with unit_of_work():
        return messages.queue_offer_message(offer, by=None, at=NOW)


def test_an_offer_goes_out_at_once_with_the_only_token_that_opens_it(offer):
    queue(offer)

    assert sending.send_due(NOW) == 1

    body = mail.outbox[0].body
    assert "Tuesday 3 March 2026, 2:30 pm" in body
    assert "held for you until 2:45 pm" in body
    token = body.partition("/offer/")[2].partition("/")[0]
    offer.refresh_from_db()
    assert offer.token_hash == hash_token(token)


def test_an_offer_that_ended_is_not_sent(offer):
    row = queue(offer)

    assert sending.send_due(NOW + timedelta(minutes=15)) == 0

    row.refresh_from_db()
    assert (row.status, row.skip_reason, mail.outbox) == ("skipped", "too_late", [])


def test_an_offer_takes_the_phone_where_there_is_one_and_needs_some_address(offer, kavya):
    kavya.message_channel = "both"
    kavya.save()
    offer.entry.patient.refresh_from_db()
    assert queue(offer).channel == "sms"

    kavya.email = kavya.phone_primary = ""
    kavya.save()
    offer.entry.patient.refresh_from_db()
    with pytest.raises(CannotSend):
        queue(offer)

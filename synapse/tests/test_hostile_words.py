"""Whatever stands in a text, no page, file or table is more than words."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from patients import holds
from patients.emergency import services as emergency
from patients.handover import services as handover
from patients.models import Patient
from patients.tests.factories import make_patient
from synapse.accounts import tokens
from synapse.erasure import services as erasure
from synapse.oversight import disclosing, incidents
from synapse.psychotherapy import services as notes
from synapse.records import amendments
from synapse.records.exports import services as exports
from synapse.tests.api_clinic import furnish
from synapse.tests.crawl import ask, every_address
from synapse.tests.hostile import ALL_OF_THEM, fill, wrong_with
from synapse.webhooks.models import Kind
from synapse.webhooks.tests.factories import make_endpoint


@pytest.fixture
def held(asha, ben, omar):
    """Give a doctor one of everything that has a text, and fill all of it."""
    at = timezone.now()
    held = furnish(asha, "kavya")
    patient = Patient.objects.get(pk=held.ids["patients"])
    note = notes.begin_note(patient, by=asha, at=at)
    notes.save_note(note, text=ALL_OF_THEM, based_on=note.saved_at, by=asha, at=at)
    held.ids["notes"] = note.pk
    held.ids |= oversee(patient, asha, ben, omar, at)
    filled = fill()
    assert len(filled) > 90, filled
    return held


def oversee(patient, asha, ben, omar, at):
    """Make what hangs on a patient beyond care: requests, holds, incidents, emergencies, agreements, programs."""
    day = date(2026, 3, 2)
    other = make_patient(ben)
    ids = {}
    wish = amendments.note_amendment(patient, wanted="Words", statement="Words", received_on=day, by=asha, at=at)
    ids["amendments"] = wish.pk
    ids["record_requests"] = exports.note_request(
        patient, asked_by="representative", representative="A son", way="letter", received_on=day, by=asha, at=at
    ).pk
    opened = emergency.open_record(other, kind="danger", reason="The ward asks what she takes.", by=asha, at=at)
    emergency.end_early(opened, by=asha, at=at)
    ids["dashboard"] = opened.pk
    handover.hand_over(
        [patient], from_doctor=asha, to_doctor=ben, ends_at=at + timedelta(days=1), reason="Leave", by=omar, at=at
    )
    ids["erasure"] = erasure.request_erasure(
        make_patient(asha), asked_by="patient", reason="Asked for it", by=omar, at=at
    ).pk
    holds.place_hold(patient, reason="A court asked", by=omar, at=at)
    window = {"first": at - timedelta(hours=1), "until": at + timedelta(hours=1), "person": asha, "address": None}
    ids["oversight"] = incidents.open_incident(title="A phone was lost", discovered_on=day, **window, by=omar, at=at).pk
    disclosure = {"recipient": "A court", "address": "x", "what": "Words", "ground": "law", "purpose": "x"}
    disclosing.note_disclosure(patient, {**disclosure, "disclosed_on": day}, by=omar, at=at)
    tokens.create_token(asha, name="A program", scopes=["read"], lifetime=timedelta(hours=9), by=asha, at=at)
    ids["webhooks"] = make_endpoint(asha, *list(Kind)[:1]).pk
    return ids


@pytest.mark.django_db
def test_no_page_or_file_carries_words_out(held, asha, rita, omar):
    clients = [Client(raise_request_exception=False) for _ in range(3)]
    for client, user in zip(clients, (asha, omar, rita), strict=True):
        client.force_login(user)
    wrong, shown = [], 0
    for name, response, text in answers(every_address(held), clients):
        wrong += [f"{name}: {what}" for what in wrong_with(response, text)]
        shown += "zz" in text
    assert wrong == [], "\n".join(sorted(set(wrong)))
    assert shown > 100


def answers(addresses, clients):
    """Yield every page as the first of the people whom it is not forbidden sees it."""
    for address in addresses:
        for path in address.paths:
            for client in clients:
                response, text = ask(client, path)
                if response.status_code != 403:
                    break
            yield address.name, response, text
            if response.status_code == 405:
                break

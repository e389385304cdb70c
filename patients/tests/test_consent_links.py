"""Consent asked by link: who is sent what, and the one answer that counts."""

import io
import logging
import re
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from patients import queries, services
from patients.consents import copies as consent_copies
from patients.consents import sending as consent_sending
from patients.consents import services as consent
from patients.consents.answer_views import MOST_COPIES
from patients.consents.wording import text_for
from patients.contact import reaching
from patients.merging import services as merging
from patients.models import Consent, ConsentLink
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import InvalidTransition, NotAllowed
from synapse.links import continuation
from synapse.notifications import outbox
from synapse.notifications.outgoing import NotSent

pytestmark = pytest.mark.django_db
RECORDING = Consent.Kind.RECORDING
PATH = re.compile(r"https?://[^/\s]+(/consent/[\w-]{43}/)")


@pytest.fixture(autouse=True)
def clinic():
    clinic = ClinicSettings.load()
    clinic.name, clinic.phone, clinic.message_channels = "Bodhi Practice", "+91 20 264", "email"
    clinic.save()
    return clinic


@pytest.fixture
def patient(asha):
    return make_patient(asha, email="kavya@example.org", preferred_language="German")


@pytest.fixture
def asked(patient, asha, now):
    return consent.ask_by_link(patient, RECORDING, by=asha, at=now)


def path_of(asked, at):
    """Send what is due and return the path in the latest mail."""
    consent_sending.send_due(at)
    assert asked.link.consent_id == asked.pk
    return PATH.search(mail.outbox[-1].body)[1]


def status_of(row):
    return Consent.objects.get(pk=row.pk).status


def test_asking_stores_todays_text_and_sends_a_link_that_says_nothing_of_it(asked, patient, now):
    assert (asked.status, asked.method, asked.given_at) == ("pending", "link", None)
    text = text_for(patient, RECORDING, at=now)
    assert (asked.text_version, asked.text_hash, asked.text_language) == (text.version, text.hash, "de")
    assert asked.expires_at == now + consent.LINK_LASTS
    assert not queries.has_live_consent(patient.pk, RECORDING, at=now)

    path = path_of(asked, now)

    [message] = mail.outbox
    assert message.to == ["kavya@example.org"]
    assert message.subject == "Eine Frage von Bodhi Practice"
    words = (message.subject + message.body + path).casefold()
    assert not [word for word in ("kavya", "iyer", "record", "aufnahme", str(patient.pk)) if word in words]
    link = ConsentLink.objects.get()
    assert (link.status, link.sent_at, link.language) == ("sent", now, "de")
    assert path.split("/")[2] not in str(ConsentLink.objects.values()) + str(list(AuditEvent.objects.values()))


def test_the_patients_wish_decides_and_a_missing_address_stores_nothing(asha, clinic, now):
    by_sms = make_patient(asha, email="a@example.org")
    by_sms.message_channel = "sms"
    by_sms.save()
    assert consent.ask_by_link(by_sms, RECORDING, by=asha, at=now).link.channel == "sms"
    # The clinic's way is none of the patient's wishes: the other one does.
    assert consent.ask_by_link(make_patient(asha), RECORDING, by=asha, at=now).link.channel == "sms"

    nowhere = make_patient(asha, phone_primary="")
    wants_mail = make_patient(asha)
    wants_mail.message_channel = "email"
    wants_mail.save()
    stopped = make_patient(asha, email="b@example.org")
    stopped.messages_stopped_at = now
    stopped.save()
    for patient, words in ((nowhere, "mobile number"), (wants_mail, "e-mail"), (stopped, "no messages")):
        with pytest.raises(reaching.CannotSend, match=words):
            consent.ask_by_link(patient, RECORDING, by=asha, at=now)
        assert not patient.consents.exists()


def test_who_may_ask(patient, ben, rita, now):
    with pytest.raises(NotAllowed):
        consent.ask_by_link(patient, RECORDING, by=ben, at=now)
    assert consent.ask_by_link(patient, RECORDING, by=rita, at=now).recorded_by == rita


def test_the_sms_fits_two_messages_in_every_language(asha, clinic, now):
    clinic.name = "Centre for Psychotherapy and Counselling at the River"
    clinic.save()
    for language in ("English", "Hindi", "German", "Spanish", "French"):
        patient = make_patient(asha, preferred_language=language)
        link = consent.ask_by_link(patient, RECORDING, by=asha, at=now).link
        consent_sending.send_due(now)
        text = (django_settings.DATA_DIR / "sms" / f"{link.pk}.txt").read_text().split("\n\n")[1].strip()
        assert PATH.search(text)
        assert consent_sending.count_segments(text) <= 2 + (language == "Hindi"), text


def test_what_waits_changes_nothing_about_the_answer_that_holds(patient, asha, now):
    given = consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now)
    asked = consent.ask_by_link(patient, RECORDING, by=asha, at=now)

    state = queries.consent_states(patient, at=now)[0]
    assert (state.consent, state.is_live, state.request) == (given, True, asked)

    later = now + consent.LINK_LASTS
    assert consent.expire_consents(later) == 1
    state = queries.consent_states(patient, at=later)[0]
    assert (state.consent, state.is_live, state.request) == (given, True, None)
    assert queries.recording_states([patient], at=later)[patient.pk].is_live


def test_an_unanswered_question_on_a_merged_record_refuses_nothing(patient, asha, omar, now):
    other = make_patient(asha, email="k@example.org")
    consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now - timedelta(days=1))
    asked = consent.ask_by_link(other, RECORDING, by=asha, at=now)

    merging.merge_records(patient, other, choices={}, reason="Same person.", by=omar, at=now)

    assert status_of(asked) == "expired"
    assert queries.has_live_consent(patient.pk, RECORDING, at=now)
    assert queries.recording_states([patient], at=now)[patient.pk].is_live


@pytest.mark.parametrize("how", ["ask", "record", "decline", "take_back", "archive", "time"])
def test_a_link_is_dead_once_its_question_waits_no_more(asked, patient, asha, now, client, how, monkeypatch):
    path = path_of(asked, now)
    if how == "ask":
        assert consent.ask_by_link(patient, RECORDING, by=asha, at=now).status == "pending"
    elif how == "record":
        consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now)
    elif how == "decline":
        consent.decline_consent(patient, RECORDING, method="verbal", by=asha, at=now)
    elif how == "take_back":
        consent.withdraw_consent(asked, by=asha, at=now)
    elif how == "archive":
        services.archive_patient(patient, by=asha, at=now)
    else:
        Consent.objects.filter(pk=asked.pk).update(expires_at=now - timedelta(seconds=1))

    assert client.get(path).status_code == 404
    assert client.post(path, {"answer": "agree", "name": "Kavya Iyer"}).status_code == 404
    assert status_of(asked) == ("pending" if how == "time" else "expired")
    assert patient.consents.filter(status="pending").count() == (how in {"ask", "time"})


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_after_sending_sends_it_no_second_time(asked, now, monkeypatch):
    class Killed(BaseException):
        """SIGKILL, as far as this process can play it."""

    def die(*_arguments, **_fields):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "settle", die)
        with pytest.raises(Killed):
            consent_sending.send_due(now)
    path = PATH.search(mail.outbox[-1].body)[1]
    for later in (timedelta(minutes=1), outbox.LEASE + timedelta(seconds=1), timedelta(hours=2)):
        consent_sending.send_due(now + later)

    link = ConsentLink.objects.get()
    assert (len(mail.outbox), link.status, link.error_code) == (1, "unknown", "interrupted")
    assert Client().get(path).status_code == 200  # it may have arrived, so it works


def test_what_did_not_go_out_goes_again_with_a_new_link_and_what_waits_no_more_does_not(
    asked, patient, asha, now, monkeypatch
):
    given = []

    def refuse_once(channel, message):
        given.append(message)
        if len(given) == 1:
            raise NotSent("http_503", may_retry=True)
        return "ref"

    monkeypatch.setattr(outbox, "send", refuse_once)
    assert [consent_sending.send_due(now), consent_sending.send_due(now + timedelta(minutes=1))] == [0, 1]
    assert (given[0].key, given[0].text == given[1].text) == (given[1].key, False)

    again = consent.ask_by_link(patient, RECORDING, by=asha, at=now)
    consent.withdraw_consent(again, by=asha, at=now)
    assert consent_sending.send_due(now) == 0
    link = ConsentLink.objects.get(consent=again)
    assert (len(given), link.status, link.skip_reason) == (2, "skipped", "over")


def test_opening_uses_nothing_and_one_press_agrees(asked, patient, now, client, caplog):
    path = path_of(asked, now)
    for _ in range(2):
        page = client.get(path)
        body = page.content.decode()
        assert (page.status_code, status_of(asked)) == (200, "pending")
    assert asked.text_words in body
    assert "Bodhi Practice" in body
    assert "Kavya" not in body
    assert (page["Cache-Control"], page["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "noindex" in page["X-Robots-Tag"]
    assert django_settings.SESSION_COOKIE_NAME not in page.cookies

    done = Client(enforce_csrf_checks=True).post(path, {"answer": "perhaps"})
    assert (done.status_code, status_of(asked)) == (200, "pending")
    done = client.post(path, {"answer": "agree", "name": "Kavya Iyer"})
    assert (done.status_code, done["Location"]) == (303, path)
    assert "Sie haben zugestimmt" in client.get(path).content.decode()

    agreed = Consent.objects.get(pk=asked.pk)
    assert agreed.status == "live"
    assert agreed.expires_at - agreed.given_at == timedelta(days=ClinicSettings.load().consent_valid_days)
    assert queries.has_live_consent(patient.pk, RECORDING, at=agreed.given_at)
    event = AuditEvent.objects.filter(action="consent").latest("seq")
    assert (event.actor_id, event.detail["verb"], event.detail["method"]) == (None, "give", "link")

    client.post(path, {"answer": "disagree"})
    with caplog.at_level(logging.DEBUG):
        used, unknown = Client().get(path), Client().get(f"/consent/{'x' * 43}/")
    assert (used.status_code, unknown.status_code, status_of(asked)) == (404, 404, "live")
    without_csrf = [re.sub(rb"[A-Za-z0-9]{64}", b"", page.content) for page in (used, unknown)]
    assert without_csrf[0] == without_csrf[1]
    assert path not in caplog.text


def test_who_answered_keeps_a_copy_for_ten_minutes_and_nobody_else(asked, patient, asha, now, client):
    path = path_of(asked, now)
    copy = f"{path}copy/"
    assert client.get(copy).status_code == 404  # nothing was answered yet
    client.post(path, {"answer": "agree", "name": "K. Iyer"})
    assert f'href="{copy}"' in client.get(path).content.decode()

    answer = client.get(copy)

    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "application/pdf", "no-store")
    words = PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert "K. Iyer (typed)" in words
    assert patient.patient_id in words
    # Whoever holds the link is not known to be the patient.
    assert not [
        word for word in ("Kavya", str(patient.date_of_birth.year)) if word in answer["Content-Disposition"] + words
    ]
    assert Client().get(copy).status_code == 404
    given = AuditEvent.objects.get(action="export")
    assert (given.patient_id, given.actor_id, given.detail["verb"]) == (patient.pk, None, "link_copy")
    client.cookies[continuation.COOKIE] = "1" + client.cookies[continuation.COOKIE].value
    assert client.get(copy).status_code == 404


def test_copies_are_not_rendered_without_end(asked, now, client, monkeypatch):
    monkeypatch.setattr(consent_copies, "render_copy", lambda *args, **kwargs: b"%PDF")
    path = path_of(asked, now)
    client.post(path, {"answer": "disagree"})

    assert [client.get(f"{path}copy/").status_code for _ in range(MOST_COPIES + 1)] == [200] * MOST_COPIES + [429]


def test_a_new_yes_takes_the_place_of_the_old_and_a_no_ends_it(patient, asha, now, client):
    old = consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now)
    asked = consent.ask_by_link(patient, RECORDING, by=asha, at=now)
    client.post(path_of(asked, now), {"answer": "agree", "name": "Kavya Iyer"})
    assert (status_of(old), status_of(asked)) == ("expired", "live")

    again = consent.ask_by_link(patient, RECORDING, by=asha, at=now)
    client.post(path_of(again, now), {"answer": "disagree"})
    said_no = Consent.objects.get(pk=again.pk)
    assert (status_of(asked), said_no.status, said_no.given_at) == ("withdrawn", "declined", None)
    state = queries.consent_states(patient, at=said_no.declined_at)[0]
    assert (state.consent, state.is_refused) == (said_no, True)
    assert not queries.has_live_consent(patient.pk, RECORDING, at=said_no.declined_at)


def test_a_stale_copy_answers_nothing(asked, now):
    copy = Consent.objects.get(pk=asked.pk)
    consent.answer_request(asked, agreed=False, at=now)
    with pytest.raises(InvalidTransition):
        consent.answer_request(copy, agreed=True, at=now)


def test_programs_ask_by_link_and_take_it_back(api, asha, patient, now):
    client, address = api(asha), f"/api/v1/patients/{patient.pk}/consents/"
    refused = client.post(address, {"kind": "treatment", "method": "link", "declined": True})
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (400, ["declined"])

    made = client.post(address, {"kind": "treatment", "method": "link"})
    assert (made.status_code, made.json()["status"], made.json()["method"]) == (201, "pending", "link")
    assert [row["id"] for row in client.get(f"{address}?status=pending").json()["results"]] == [made.json()["id"]]
    ended = client.post(f"{address}{made.json()['id']}/withdraw/", headers={"If-Match": made["ETag"]})
    assert (ended.status_code, ended.json()["status"]) == (200, "expired")

    nowhere = make_patient(asha, phone_primary="")
    nothing = client.post(f"/api/v1/patients/{nowhere.pk}/consents/", {"kind": "treatment", "method": "link"})
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (400, "cannot_send")
    assert not nowhere.consents.exists()


def test_the_chart_asks_by_link_and_shows_what_waits(signed_in, rita, patient, now):
    client, address = signed_in(rita), reverse("patients:consents", args=[patient.pk])
    assert "A link goes out by e-mail" in client.get(address).content.decode()
    client.post(reverse("patients:consent_ask", args=[patient.pk]), {"kind": "recording"})
    asked = patient.consents.get()
    assert "being sent" in client.get(address).content.decode()
    consent_sending.send_due(now + timedelta(minutes=1))
    assert re.search("Waiting for the patient’s answer, sent", client.get(address).content.decode())

    client.post(reverse("patients:consent_withdraw", args=[patient.pk, asked.pk]))
    page = client.get(address).content.decode()
    assert "Waiting for the patient’s answer" not in page
    assert "not answered" in page

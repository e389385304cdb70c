"""The tablet in the patient's hands: what is asked, signed and kept, and that nothing else opens meanwhile."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse

from patients.consents import services as consent
from patients.consents import signatures
from patients.consents import tablet as consent_tablet
from patients.consents.given import Given, GuardianNeeded
from patients.models import ConsentSignature, ConsentSitting
from patients.tests.factories import make_patient
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db
LINES = [[[100, 200], [300, 80], [500, 220]], [[520, 210], [700, 90]]]
ANSWERS = {"answer_recording": "yes", "answer_ai_note": "no"}


@pytest.fixture
def patient(asha):
    return make_patient(asha, preferred_language="Spanish")


@pytest.fixture
def out(signed_in, rita, patient):
    """Hand the tablet over at the front desk; return the locked browser and the address it shows."""
    browser = signed_in(rita)
    address = reverse("patients:consent_hand_over", args=[patient.pk])
    answer = browser.post(address, {"kinds": ["recording", "ai_note"]})
    assert answer.status_code == 303
    return browser, answer["Location"]


def test_a_signature_is_kept_sealed_and_bound_to_words_and_moment(out, patient, now):
    browser, path = out
    sent = {**ANSWERS, "strokes": json.dumps(LINES), "send": "1", "interpreter": "Lena Ortiz"}
    assert browser.post(path, sent).status_code == 303

    yes, no = (patient.consents.get(kind=kind) for kind in ("recording", "ai_note"))
    assert (yes.status, yes.method, yes.text_language, yes.interpreter) == ("live", "written", "es", "Lena Ortiz")
    assert (no.status, no.is_signed, yes.is_signed) == ("declined", True, True)
    assert yes.signature.strokes == LINES
    assert signatures.is_whole(yes)
    for changed in ({"strokes": LINES[:1]}, {"typed_name": "X"}, {"signed_at": now - timedelta(days=1)}):
        kept = ConsentSignature.objects.get(consent=yes)
        for name, value in changed.items():
            setattr(kept, name, value)
        assert signatures.hash_of(kept) != yes.signature_hash
    event = AuditEvent.objects.filter(target_id=str(yes.pk)).latest("seq")
    assert (event.actor_id, event.detail["verb"], event.detail["signature"]) == (None, "give", yes.signature_hash)
    assert ConsentSitting.objects.get().draft == {}
    assert "Gracias" in browser.get(path).content.decode()


def test_while_it_is_out_nothing_else_opens_and_the_page_works_nowhere_else(out, signed_in, ben, patient, client):
    browser, path = out
    chart = reverse("patients:consents", args=[patient.pk])

    assert browser.get(chart)["Location"].startswith("/unlock/")
    assert browser.post(reverse("patients:consent_hand_over", args=[patient.pk])).status_code == 302
    assert client.get(path).status_code == 404
    assert signed_in(ben).get(path).status_code == 404
    assert browser.get(path).status_code == 200

    session = browser.session
    session.pop("is_locked", None)
    session.save()
    assert browser.get(path).status_code == 404
    assert browser.post(path, {**ANSWERS, "strokes": json.dumps(LINES), "send": "1"}).status_code == 404
    assert not patient.consents.exists()


def test_what_is_missing_is_named_and_what_was_done_is_kept_over_reload_and_language(out):
    browser, path = out
    refused = browser.post(path, {"answer_recording": "yes", "send": "1"})
    assert refused.status_code == 422
    page = refused.content.decode()
    assert 'href="#ask-ai_note"' in page
    assert 'href="#ask-signature"' in page

    keep = {**ANSWERS, "strokes": json.dumps(LINES), "interpreter": "Lena"}
    assert browser.post(f"{path}keep/", keep).status_code == 204
    assert browser.post(path, {**keep, "language": "hi"}).status_code == 303

    page = browser.get(path).content.decode()
    assert 'lang="hi"' in page
    assert page.count(" checked") == 2
    assert "[[100, 200]" in page
    assert "Lena" in page
    with connection.cursor() as cursor:
        cursor.execute("SELECT draft FROM patients_consentsitting")
        assert "Lena" not in str(cursor.fetchall())


@pytest.mark.parametrize(
    "raw",
    [
        *("x", "[1]", "[[[1,2,3]]]", '[[["a",1]]]', "[[[5000,1]]]", "[[[1e999,1]]]", "{}"),
        *("[" * 9000, "[" + "9" * 5000),
    ],
    ids=lambda raw: raw[:20],
)
def test_a_drawing_that_cannot_be_read_is_no_signature(out, patient, raw):
    browser, path = out

    assert browser.post(path, {**ANSWERS, "strokes": raw, "send": "1"}).status_code == 422

    assert not patient.consents.exists()


def test_a_typed_name_signs_by_keyboard_and_the_answers_count_once(out, patient):
    browser, path = out
    sent = {**ANSWERS, "types": "1", "name": "Kavya Iyer", "send": "1"}

    browser.post(path, sent)
    browser.post(path, {**sent, "answer_recording": "no"})

    [recording] = patient.consents.filter(kind="recording")
    assert (recording.status, recording.signature.typed_name, recording.signature.strokes) == ("live", "Kavya Iyer", [])


def test_a_child_needs_somebody_who_answers_for_it(asha, rita, now, client):
    child = make_patient(asha, date_of_birth=now.date() - timedelta(days=3000))
    with pytest.raises(GuardianNeeded):
        consent.record_consent(child, "recording", method="verbal", by=asha, at=now)
    assert consent.decline_consent(child, "recording", method="verbal", by=asha, at=now).status == "declined"
    mother = Given(signer_name="Rekha Iyer", signer_relation="parent")
    agreed = consent.record_consent(child, "recording", method="verbal", by=asha, at=now, given=mother)
    assert (agreed.signer_name, agreed.signer_relation) == ("Rekha Iyer", "parent")

    sitting = _sitting(child, client, rita, now)
    sent = {"answer_recording": "yes", "types": "1", "name": "Rekha Iyer"}
    with pytest.raises(consent_tablet.Unfinished) as refusal:
        consent_tablet.answer_sitting(sitting, sent, at=now)
    assert refusal.value.missing == ["relation"]
    [answer] = consent_tablet.answer_sitting(sitting, {**sent, "relation": "parent", "signer": "Rekha Iyer"}, at=now)
    assert answer.signer_relation == "parent"


def test_a_tablet_is_over_after_half_an_hour_or_when_another_goes_out(patient, rita, now, client):
    first = _sitting(patient, client, rita, now)
    second = _sitting(patient, client, rita, now)
    first.refresh_from_db()
    assert first.status == "taken_back"

    after = now + consent_tablet.SITTING_LASTS
    with pytest.raises(consent_tablet.TabletGone):
        consent_tablet.keep_draft(second, {}, at=after)
    assert [consent_tablet.expire_sittings(after), consent_tablet.expire_sittings(after)] == [1, 0]


def test_handing_over_is_for_those_who_record_consent_of_patients_in_their_scope(patient, signed_in, ben, rita):
    address = reverse("patients:consent_hand_over", args=[patient.pk])

    assert signed_in(ben).post(address, {"kinds": ["recording"]}).status_code == 404
    assert signed_in(rita).get(address).status_code == 405
    assert signed_in(rita).post(address, {"kinds": ["everything"]}).status_code == 400
    assert not ConsentSitting.objects.exists()


def _sitting(patient, client, by, at):
    client.force_login(by)
    session = client.session
    session.save()
    sitting, _ = consent_tablet.hand_over(patient, ["recording"], session=session, by=by, at=at)
    return sitting

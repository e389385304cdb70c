"""The clinic's own texts: versions, languages, placeholders, and who is asked again. Copies on paper."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.urls import reverse
from pypdf import PdfReader

from patients.consents import copies as consent_copies
from patients.consents import services as consent
from patients.consents import wording as consent_wording
from patients.consents.given import Given
from patients.consents.texts import shipped_texts
from patients.consents.wording import UnusableText
from patients.contact.languages import CODES
from patients.models import Consent, ConsentTextVersion
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import Action, AuditEvent
from synapse.common.errors import Conflict, NotAllowed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clinic():
    clinic = ClinicSettings.load()
    clinic.name = "Bodhi {days} Practice"
    clinic.save()
    return clinic


def save(by, at, **changes):
    values = {
        "title": "Record the session",
        "text": "{clinic} records the sound.",
        "asks_again": False,
        "effective_at": at,
        "seen_version": 2,
    } | changes
    return consent_wording.save_text("recording", "en", **values, by=by, at=at)


@pytest.mark.parametrize("language", CODES)
def test_every_kind_is_shipped_in_every_language_with_known_placeholders_only(language, now):
    texts = consent_wording.texts_for(language, at=now)

    assert set(texts) == set(Consent.Kind.values)
    assert {text.language for text in texts.values()} == {language}
    assert all("Bodhi {days} Practice" in text.text for text in texts.values())
    for shipped in shipped_texts():
        consent_wording._check_words(shipped.title, shipped.text)


def test_an_answer_keeps_the_words_it_was_given_for(asha, omar, now):
    patient = make_patient(asha)
    given = consent.record_consent(patient, "recording", method="verbal", by=asha, at=now)
    said = given.text_words

    row = save(omar, now)

    given.refresh_from_db()
    assert (row.version, given.text_version, given.text_words) == (3, "2", said)
    assert consent_wording.words_of(given).hash == given.text_hash
    assert consent_wording.text_for(patient, "recording", at=now).text == "Bodhi {days} Practice records the sound."
    assert ConsentTextVersion.objects.filter(kind="recording", language="en").count() == 3
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.detail["version"]) == (Action.ADMINISTER, 3)


def test_a_change_in_substance_marks_older_answers_ends_none_and_retires_translations(asha, omar, now):
    before = consent.record_consent(make_patient(asha), "recording", method="verbal", by=asha, at=now)
    other = consent.record_consent(make_patient(asha), "treatment", method="verbal", by=asha, at=now)
    save(omar, now, asks_again=True, effective_at=now + timedelta(days=2))
    german = consent_wording.text_for(before.patient, "recording", at=now, language="de")
    assert not Consent.objects.filter(consent_wording.outdated(now)).exists()

    later = now + timedelta(days=3)
    after = consent.record_consent(make_patient(asha), "recording", method="verbal", by=asha, at=later)

    assert list(Consent.objects.filter(consent_wording.outdated(later))) == [before]
    assert {row.status for row in Consent.objects.filter(pk__in=[before.pk, other.pk, after.pk])} == {"live"}
    assert german.language == "de"
    assert consent_wording.text_for(before.patient, "recording", at=later, language="de").language == "en"


def test_what_cannot_be_put_to_patients_is_refused(asha, omar, now):
    with pytest.raises(NotAllowed):
        save(asha, now)
    for changes, field in (
        ({"text": "{name} agrees"}, "text"),
        ({"text": " "}, "text"),
        ({"title": "{x}"}, "title"),
        ({"title": ""}, "title"),
    ):
        with pytest.raises(UnusableText) as refusal:
            save(omar, now, **changes)
        assert refusal.value.field == field
    save(omar, now)
    with pytest.raises(Conflict):
        save(omar, now, text="Another text")
    with pytest.raises(UnusableText):
        save(omar, now, seen_version=3)


def test_shipped_texts_come_once_and_leave_the_clinics_alone(omar, now):
    count = ConsentTextVersion.objects.count()
    save(omar, now)
    ConsentTextVersion.objects.filter(kind="treatment", language="fr").delete()

    consent_wording.install_shipped_texts("default")
    consent_wording.install_shipped_texts("default")

    assert ConsentTextVersion.objects.count() == count + 1


def test_the_settings_page_previews_saves_and_shows_what_changed(signed_in, omar, asha, now):
    address = reverse("consent_texts:edit", args=["recording", "en"])
    day = ClinicSettings.load().date_of(now).isoformat()
    sent = {"title": "Record", "text": "{clinic} listens", "effective_on": day, "seen_version": 2}
    browser = signed_in(omar)

    preview = browser.post(address, {**sent, "preview": "1"}).content.decode()
    assert "Bodhi {days} Practice listens" in preview
    assert "<del>" in preview
    assert browser.post(address, {**sent, "save": "1", "text": "{who}"}).status_code == 422
    assert browser.post(address, {**sent, "save": "1", "asks_again": "on"}).status_code == 302

    page = browser.get(address).content.decode()
    assert "Version 3" in page
    assert "Asked again" in page
    assert "translate the new text" in browser.get(reverse("consent_texts:list")).content.decode()
    assert signed_in(asha).get(address).status_code == 403
    assert browser.get(reverse("consent_texts:edit", args=["recording", "xx"])).status_code == 404


def test_a_copy_says_words_version_how_and_by_whom_and_is_an_export(asha, rita, ben, signed_in, now):
    patient = make_patient(asha, preferred_language="German")
    heard = Given(heard_by=asha, interpreter="Lena Ortiz")
    said = consent.record_consent(patient, "recording", method="verbal", by=rita, at=now, given=heard)
    with_paper = Given(paper_place="Folder 7")
    consent.record_consent(patient, "treatment", method="written", by=rita, at=now, given=with_paper)

    copy = consent_copies.export_copy(patient, None, by=rita, at=now)
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(copy.content)).pages).split())

    for words in ("Sitzung aufnehmen", "Lena Ortiz", "Folder 7", "heard by", "Version 2", said.text_hash[:16], "Kavya"):
        assert words in text
    assert "Kavya" not in copy.file_name
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.patient_id, event.detail["document"]) == (Action.EXPORT, patient.pk, "consents")
    address = reverse("patients:consent_copy", args=[patient.pk, said.pk])
    assert signed_in(rita).get(address)["Content-Type"] == "application/pdf"
    assert signed_in(ben).get(address).status_code == 404
    other = reverse("patients:consent_copy", args=[make_patient(asha).pk, said.pk])
    assert signed_in(rita).get(other).status_code == 404

"""What the pages say of a recording, and who may delete it and read its certificate."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from sessions_app import queries, services
from sessions_app.recordings import audio, deletion
from sessions_app.recordings import facts as audio_facts
from sessions_app.recordings.facts import fate_of
from sessions_app.recordings.retention import Hold, Plan, Rule
from sessions_app.tests.factories import make_consent, make_session, make_transcription, record_audio
from sessions_app.tests.test_audio import speechlike
from sessions_app.transcripts import corrections
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def in_days(number):
    return NOW + timedelta(days=number)


@pytest.fixture
def session(asha):
    session = make_session(asha)
    record_audio(session, speechlike(4), gap_before_ms=12_000)
    services.complete_session(session, by=asha, at=timezone.now())
    session.transcriptions.all().delete()
    audio.survey(session)
    make_transcription(session)
    return session


def url(name, session):
    return reverse(f"sessions:{name}", args=[session.pk])


def page_of(client, session, name="transcript"):
    return client.get(url(name, session)).content.decode()


@pytest.mark.parametrize(
    ("plan", "sentence", "asks", "soon"),
    [
        (Plan(), "The recording is kept with the record: the patient agreed to it.", False, False),
        (
            Plan(Rule.NO_CONSENT, in_days(17), Rule.NO_CONSENT),
            (
                "The recording is deleted when the report is signed, at the latest on 12 Dec, in 17 days, because the "
                "patient has not agreed to keep it."
            ),
            True,
            False,
        ),
        (
            Plan(Rule.NO_CONSENT, in_days(1)),
            "The recording is deleted tomorrow, because the patient has not agreed to keep it.",
            True,
            True,
        ),
        (
            Plan(Rule.CLINIC, NOW + timedelta(hours=2)),
            "The recording is deleted today, by the clinic’s rule.",
            False,
            True,
        ),
        (
            Plan(Rule.PATIENT, in_days(7), Rule.NO_CONSENT),
            (
                "The recording is deleted on 2 Dec, in 7 days, by the rule for this patient, or earlier when the report is "
                "signed, because the patient has not agreed to keep it."
            ),
            True,
            True,
        ),
        (
            Plan(signing_rule=Rule.CLINIC),
            "The recording is deleted when the report is signed, by the clinic’s rule.",
            False,
            False,
        ),
        (
            Plan(Rule.CONSENT_ENDS, in_days(90)),
            "The recording is deleted on 23 Feb 2027, in 90 days, when the consent to keep it ends.",
            False,
            False,
        ),
        (
            Plan(Rule.NO_CONSENT, in_days(-1)),
            "The recording is deleted within the hour, because the patient has not agreed to keep it.",
            True,
            True,
        ),
        (
            Plan(Rule.NO_CONSENT, in_days(-1), held_by=Hold.WORDS),
            "The recording is deleted when the words are written, because the patient has not agreed to keep it.",
            True,
            True,
        ),
        (
            Plan(held_by=Hold.SESSION),
            "What becomes of the recording is decided when the session ends.",
            False,
            False,
        ),
    ],
)
def test_the_countdown_in_words(plan, sentence, asks, soon, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOW)

    fate = fate_of(plan, NOW)

    assert (fate.sentence, fate.asks_consent, fate.is_soon) == (sentence, asks, soon)


def test_the_transcript_page_says_quality_and_fate(session, asha, signed_in):
    page = page_of(signed_in(asha), session)

    assert "when the report is signed, at the latest on" in page
    assert f"{reverse('patients:consents', args=[session.patient_id])}?next=" in page
    assert "12 s were lost" in page
    assert "Good sound" in page or "Usable sound" in page
    for label in ("Speech level", "Noise", "Clipped", "Share of speech", "Lost", "Words", "Characters", "Engine"):
        assert f"<dt>{label}</dt>" in page


def test_the_figures_follow_a_correction(session, asha):
    words = queries.current_transcription(session)
    first = words.segments[0]
    before = dict(audio_facts.facts_of(session, words, user=asha, at=timezone.now()).rows)

    edited = corrections.correct_segments(words, [{"id": first["id"], "text": "Two words"}], by=asha, at=timezone.now())
    after = dict(audio_facts.facts_of(session, edited, user=asha, at=timezone.now()).rows)

    lost = len(first["text"].split()) - 2
    assert int(after["Words"]) == int(before["Words"]) - lost
    assert int(after["Characters"]) == int(before["Characters"]) - len(first["text"]) + len("Two words")


def test_with_consent_the_page_says_that_the_recording_is_kept(session, asha, signed_in):
    make_consent(session.patient, by=asha, kind="keep_audio")

    page = page_of(signed_in(asha), session)

    assert "kept with the record" in page
    assert "Ask for consent" not in page


def test_an_administrator_sees_the_facts_and_deletes_nothing(session, omar, signed_in):
    page = page_of(signed_in(omar), session, "detail")

    assert "when the report is signed, at the latest on" in page
    assert "Delete it now" not in page


def test_a_doctor_deletes_with_a_reason_and_gets_a_certificate(session, asha, omar, signed_in):
    client = signed_in(asha)

    without = client.post(url("delete_audio", session), {"reason": ""}, follow=True).content.decode()
    assert "Nothing was deleted" in without
    client.post(url("delete_audio", session), {"reason": "by_mistake"})

    number = AuditEvent.objects.get(action="delete").seq
    page = page_of(client, session)
    assert f"Certificate {number}</a>" in page
    assert "by hand (it was recorded by mistake)" in page
    assert "data-player " not in page
    buttons = re.findall(r'<button class="(?:at num|ev)"[^>]*data-play-ms="\d+"[^>]*>', page)
    assert buttons
    assert all(" disabled" in button for button in buttons)
    assert "Some nausea the first week" in page
    for person in (asha, omar):
        shown = page_of(signed_in(person), session, "certificate")
        assert session.audio_sha256 in shown or AuditEvent.objects.get(action="delete").detail["sha256"] in shown
        assert AuditEvent.objects.get(action="delete").detail["key"] in shown
        assert session.patient.first_name not in shown
        assert (
            f"{timezone.localdate():%Y}, " in shown.split("Deleted</dt>")[1][:120]
        )  # a date that is true on paper, too


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_corrected_line_plays_only_while_there_is_a_recording(session, asha, signed_in, is_deleted):
    if is_deleted:
        deletion.delete_recording(session, rule=Rule.CLINIC, by=None, at=timezone.now())
    words = queries.current_transcription(session)
    address = reverse("sessions:line", args=[session.pk, words.segments[0]["id"]])

    data = {"transcription": str(words.pk), "revision": words.revision, "text": "Good morning, Kavya."}

    answer = signed_in(asha).post(address, data).json()

    (button,) = re.findall(r'<button class="at num"[^>]*>', answer["lines"][0]["html"])
    assert (" disabled" in button) is is_deleted


def test_deleting_and_certificates_are_for_those_in_scope(session, asha, ben, rita, omar, signed_in):
    verbs = {"delete_audio": "post", "certificate": "get"}
    for name, method in verbs.items():
        assert getattr(signed_in(ben), method)(url(name, session), {"reason": "by_mistake"}).status_code == 404
        assert getattr(signed_in(rita), method)(url(name, session), {"reason": "by_mistake"}).status_code == 403
    assert signed_in(omar).post(url("delete_audio", session), {"reason": "by_mistake"}).status_code == 403
    assert signed_in(asha).get(url("certificate", session)).status_code == 404  # nothing is deleted yet
    assert not AuditEvent.objects.filter(action="delete").exists()


def test_a_failed_transcript_says_how_long_there_is_to_try_again(session, asha, signed_in):
    session.transcriptions.all().delete()
    make_transcription(session, status="failed")

    page = page_of(signed_in(asha), session)

    assert "The recording is deleted on" in page
    assert "in 30 days" in page


def test_the_clinics_rule_shows_on_the_page(session, asha, signed_in):
    make_consent(session.patient, by=asha, kind="keep_audio")
    ClinicSettings.load()
    ClinicSettings.objects.update(audio_retention="after_signing")

    assert "when the report is signed, by the clinic’s rule" in page_of(signed_in(asha), session)


def test_why_a_recording_was_deleted_is_said_for_every_rule(session):
    certificate = deletion.Certificate(1, NOW, "system", "", "", {}, is_whole=True)
    for rule in Rule:
        assert audio_facts.why_deleted(replace(certificate, rule=str(rule)))

"""Consent from the question to its end, and what others ask about it."""

from datetime import timedelta

import pytest

from patients import queries, services
from patients.consents import services as consent
from patients.consents import wording as consent_wording
from patients.consents.texts import TEXTS, first_text_of
from patients.models import Consent
from patients.permissions import ArchivedRecord
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import Action, AuditEvent
from synapse.common.errors import Conflict, DomainError, InvalidTransition, NotAllowed

RECORDING = Consent.Kind.RECORDING
# A text that people agreed to keeps its words: a new text is a new version, and a new line here.
KNOWN_HASHES = {
    ("recording", "1"): "71d9364e",
    ("ai_note", "1"): "2eaaf3f0",
    ("keep_audio", "1"): "6d99bd6c",
    ("telehealth", "1"): "95ee2341",
    ("data_sharing", "1"): "8d6e9c0d",
    ("treatment", "1"): "6ffe3bb8",
    ("hipaa_notice", "1"): "37755189",
}


def test_an_agreement_holds_from_now_to_its_end(asha, now):
    patient = make_patient(asha)

    given = consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now)

    days = ClinicSettings.load().consent_valid_days
    assert (given.status, given.given_at, given.recorded_by) == ("live", now, asha)
    assert given.expires_at == now + timedelta(days=days)
    text = consent_wording.text_for(patient, RECORDING, at=now)
    assert (given.text_version, given.text_hash, given.text_words) == (text.version, text.hash, text.text)
    assert queries.has_live_consent(patient.pk, RECORDING, at=now)
    assert not queries.has_live_consent(patient.pk, RECORDING, at=given.expires_at)
    assert not queries.has_live_consent(patient.pk, Consent.Kind.AI_NOTE, at=now)


def test_treatment_has_no_end(asha, now):
    given = consent.record_consent(make_patient(asha), Consent.Kind.TREATMENT, method="written", by=asha, at=now)

    assert given.expires_at is None


def test_a_new_agreement_takes_the_place_of_the_old(asha, now):
    patient = make_patient(asha)
    old = consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now - timedelta(days=300))

    new = consent.record_consent(patient, RECORDING, method="written", by=asha, at=now)

    old.refresh_from_db()
    assert (old.status, old.expires_at) == ("expired", now)
    assert queries.live_consent(patient.pk, RECORDING, at=now) == new


def test_withdrawal_ends_it_at_once_and_for_good(asha, rita, now):
    patient = make_patient(asha)
    given = consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now)

    consent.withdraw_consent(given, by=rita, at=now)

    given.refresh_from_db()
    assert (given.status, given.withdrawn_at, given.withdrawn_by) == ("withdrawn", now, rita)
    assert not queries.has_live_consent(patient.pk, RECORDING, at=now)
    with pytest.raises(InvalidTransition):
        consent.withdraw_consent(given, by=rita, at=now)


def test_a_stale_copy_withdraws_nothing_twice(asha, now):
    given = consent.record_consent(make_patient(asha), RECORDING, method="verbal", by=asha, at=now)
    copy = Consent.objects.get(pk=given.pk)
    consent.withdraw_consent(given, by=asha, at=now)

    with pytest.raises(InvalidTransition):
        consent.withdraw_consent(copy, by=asha, at=now)


def test_no_is_an_answer_too(asha, now):
    patient = make_patient(asha)

    declined = consent.decline_consent(patient, RECORDING, method="verbal", by=asha, at=now)

    assert (declined.status, declined.given_at, declined.is_agreement) == ("declined", None, False)
    assert not queries.has_live_consent(patient.pk, RECORDING, at=now)
    assert consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now).status == "live"


def test_an_agreement_is_withdrawn_not_declined(asha, now):
    patient = make_patient(asha)
    given = consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now)

    with pytest.raises(Conflict):
        consent.decline_consent(patient, RECORDING, method="verbal", by=asha, at=now)

    after = given.expires_at + timedelta(seconds=1)
    assert consent.decline_consent(patient, RECORDING, method="verbal", by=asha, at=after).status == "declined"


def test_the_sweep_ends_what_is_over_and_runs_twice(asha, now):
    patient = make_patient(asha)
    over = consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now - timedelta(days=400))
    holds = consent.record_consent(patient, Consent.Kind.AI_NOTE, method="verbal", by=asha, at=now)
    forever = consent.record_consent(
        patient, Consent.Kind.TREATMENT, method="verbal", by=asha, at=now - timedelta(days=4000)
    )

    assert [consent.expire_consents(now), consent.expire_consents(now)] == [1, 0]

    statuses = dict(patient.consents.values_list("pk", "status"))
    assert statuses == {over.pk: "expired", holds.pk: "live", forever.pk: "live"}
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.actor_id, event.detail["verb"]) == (Action.CONSENT, None, "expire")


def test_states_show_the_latest_answer_of_every_kind(asha, now):
    patient = make_patient(asha)
    consent.decline_consent(patient, RECORDING, method="verbal", by=asha, at=now)
    consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now)
    consent.record_consent(patient, Consent.Kind.KEEP_AUDIO, method="verbal", by=asha, at=now - timedelta(days=400))

    states = {state.kind: state for state in queries.consent_states(patient, at=now)}

    assert list(states) == Consent.Kind.values
    assert states["recording"].is_live
    assert states["keep_audio"].is_expired
    assert states["telehealth"].consent is None
    assert queries.recording_states([patient], at=now)[patient.pk].is_live


def test_who_may_write_down_an_answer(asha, ben, rita, omar, now):
    patient = make_patient(asha)

    for person in (asha, rita, omar):
        consent.record_consent(patient, RECORDING, method="verbal", by=person, at=now)
    with pytest.raises(NotAllowed):
        consent.record_consent(patient, RECORDING, method="verbal", by=ben, at=now)
    with pytest.raises(NotAllowed):
        consent.withdraw_consent(patient.consents.get(status="live"), by=ben, at=now)


def test_an_archived_patient_can_withdraw_but_not_agree(asha, now):
    patient = make_patient(asha)
    given = consent.record_consent(patient, RECORDING, method="verbal", by=asha, at=now)
    patient = services.archive_patient(patient, by=asha, at=now)

    with pytest.raises(ArchivedRecord):
        consent.record_consent(patient, Consent.Kind.AI_NOTE, method="verbal", by=asha, at=now)
    given.patient = patient
    assert consent.withdraw_consent(given, by=asha, at=now).status == "withdrawn"


@pytest.mark.parametrize(("kind", "method"), [("dancing", "verbal"), ("recording", "link"), ("recording", "guessed")])
def test_only_known_questions_and_ways_are_taken(asha, now, kind, method):
    with pytest.raises(DomainError):
        consent.record_consent(make_patient(asha), kind, method=method, by=asha, at=now)


def test_every_answer_is_recorded_with_kind_and_version(asha, now):
    patient = make_patient(asha)

    given = consent.record_consent(patient, RECORDING, method="written", by=asha, at=now)

    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.patient_id, event.target_id) == (Action.CONSENT, patient.pk, str(given.pk))
    assert event.detail == {"verb": "give", "kind": "recording", "method": "written", "version": "2"}


def test_a_text_that_was_in_use_keeps_its_words():
    assert {key: first_text_of(*key).hash[:8] for key in KNOWN_HASHES} == KNOWN_HASHES
    assert first_text_of("recording", "99") is None
    assert {text.kind for text in TEXTS} == set(Consent.Kind.values)

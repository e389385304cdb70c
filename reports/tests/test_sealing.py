"""Signing, the seal, and the new version that amends."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from patients import services as patients
from reports import permissions, services
from reports.content import all_sentences
from reports.models import Report
from reports.pages.beside import player_view
from reports.sealing import signing, triggers
from reports.sealing.signing import Seal
from reports.tests.factories import first_sentence, make_report, make_words, reloaded, settle, sign
from sessions_app import services as sessions
from sessions_app.tests.factories import make_consent, make_session, record_audio
from sessions_app.transcripts import corrections
from synapse.accounts.throttle import MAXIMUM_FAILURES, TooManyTries
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, InvalidTransition, NotAllowed
from synapse.common.transitions import advance
from synapse.testing.plugin import PASSWORD

pytestmark = pytest.mark.django_db


def change_by_hand(report, column, value):
    """Change a column below every rule of the application; raises what the database raises."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE reports_report SET {column} = %s WHERE id = %s", [value, _id(report)])


def _id(report):
    return report.pk if connection.vendor == "postgresql" else report.pk.hex


def test_the_sessions_doctor_signs_a_settled_report(asha):
    report = settle(make_report(asha), by=asha)
    at = timezone.now()

    signed = services.sign_report(report, by=asha, at=at, password_checked=True, revision=report.revision)

    stored = reloaded(signed)
    assert (stored.status, stored.signed_by, stored.signed_at) == ("signed", asha, at)
    assert (stored.reviewed_by, stored.reviewed_at) == (asha, at)
    assert len(stored.content_hash) == 64
    assert signing.verify(stored) is Seal.WHOLE
    assert AuditEvent.objects.get(action="sign", outcome="allowed").detail["hash"] == stored.content_hash


def test_signing_needs_the_password(asha, now):
    report = settle(make_report(asha), by=asha)

    with pytest.raises(services.PasswordNotChecked):
        services.sign_report(report, by=asha, at=now, password_checked=False)


def test_an_unsupported_line_keeps_the_report_from_being_signed(asha, now):
    report = make_report(asha, with_unsupported=True)

    with pytest.raises(services.NotReady) as refused:
        services.sign_report(report, by=asha, at=now, password_checked=True)

    unsettled = [line["id"] for line in all_sentences(report.structured_data) if line["support"] == "unsupported"]
    assert [blocker.target for blocker in refused.value.blockers if blocker.code == "unsupported"] == unsettled
    assert refused.value.status == 409
    assert reloaded(report).status == "completed"


def test_an_empty_required_section_keeps_the_report_from_being_signed(asha, now):
    report = settle(make_report(asha), by=asha)
    section = next(section for section in report.structured_data if section["id"] == "risk_assessment")
    for line in list(all_sentences([section])):
        report = services.settle_sentence(report, line["id"], "remove", by=asha, at=now)

    (blocker,) = services.blockers_of(report)

    assert (blocker.code, blocker.target) == ("required_section", "risk_assessment")
    with pytest.raises(services.NotReady, match="Risk Assessment"):
        services.sign_report(report, by=asha, at=now, password_checked=True)


def test_a_colleague_with_access_does_not_sign(asha, ben, now):
    report = settle(make_report(asha), by=asha)
    patients.share_patient(report.session.patient, doctor=ben, by=asha, at=now)

    with pytest.raises(NotAllowed, match="who held the session"):
        services.sign_report(report, by=ben, at=now, password_checked=True)


@pytest.mark.parametrize("who", ["rita", "omar"])
def test_no_other_role_signs(asha, request, who, now):
    report = settle(make_report(asha), by=asha)

    with pytest.raises(NotAllowed):
        services.sign_report(report, by=request.getfixturevalue(who), at=now, password_checked=True)


def test_a_report_that_changed_since_it_was_read_is_not_signed(asha, now):
    report = settle(make_report(asha), by=asha)
    services.add_sentence(report, "plan", "One more thing.", by=asha, at=now)

    with pytest.raises(services.StaleRevision):
        services.sign_report(report, by=asha, at=now, password_checked=True, revision=report.revision)


def test_a_correction_of_the_transcript_stops_signing_until_the_evidence_is_bound_again(asha):
    report = settle(make_report(asha), by=asha)
    segment = report.transcription.segments[0]["id"]
    later = timezone.now() + timedelta(minutes=1)
    corrections.correct_segments(
        report.transcription, [{"id": segment, "text": "What brings you here"}], by=asha, at=later
    )

    with pytest.raises(services.NotReady, match="transcript was corrected"):
        services.sign_report(reloaded(report), by=asha, at=later, password_checked=True)

    bound = settle(services.rebind_evidence(report, at=later), by=asha)
    assert services.sign_report(bound, by=asha, at=later, password_checked=True).is_signed


def test_an_older_version_is_not_signed(asha, now):
    report = settle(make_report(asha), by=asha)
    services.regenerate(report, by=asha, at=now)

    with pytest.raises(Conflict, match="newer version"):
        services.sign_report(report, by=asha, at=now, password_checked=True)


def test_a_report_is_signed_once(asha, now):
    report = make_report(asha, status="signed")

    with pytest.raises(permissions.ReportSigned):
        services.sign_report(report, by=asha, at=now, password_checked=True)


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_a_report_without_a_draft_is_not_signed(asha, now, status):
    with pytest.raises(Conflict):
        services.sign_report(make_report(asha, status=status), by=asha, at=now, password_checked=True)


def test_the_password_is_checked_and_guessing_is_slowed_down(asha, now):
    services.check_signing_password(asha, PASSWORD, at=now)
    for _ in range(MAXIMUM_FAILURES):
        with pytest.raises(services.WrongPassword):
            services.check_signing_password(asha, "wrong", at=now)

    with pytest.raises(TooManyTries):
        services.check_signing_password(asha, PASSWORD, at=now)
    assert AuditEvent.objects.filter(action="sign", outcome="denied").count() == MAXIMUM_FAILURES


@pytest.mark.parametrize("agreed", [True, False])
def test_the_recording_goes_with_the_signature_unless_the_patient_agreed_to_keep_it(asha, now, agreed):
    session = make_session(asha)
    record_audio(session)
    sessions.complete_session(session, by=asha, at=now)
    session.transcriptions.all().delete()
    make_words(session)
    if agreed:
        make_consent(session.patient, by=asha, kind="keep_audio")

    sign(settle(make_report(asha, session=session), by=asha), by=asha)

    session.refresh_from_db()
    assert (session.audio_deleted_at is None) is agreed


def test_a_signed_report_stays_checkable_when_its_recording_is_gone(asha, now):
    session = make_session(asha)
    record_audio(session)
    sessions.complete_session(session, by=asha, at=now)
    session.transcriptions.all().delete()
    make_words(session)
    report = settle(make_report(asha, session=session), by=asha)
    quotes = [quote for sentence in all_sentences(report.structured_data) for quote in sentence["evidence"]]

    sign(report, by=asha)

    session.refresh_from_db()
    report.refresh_from_db()
    certificate = AuditEvent.objects.get(action="delete").detail
    assert (certificate["report"], certificate["report_hash"]) == (str(report.pk), report.content_hash)
    assert signing.verify(report) is Seal.WHOLE
    assert quotes
    assert [quote for line in all_sentences(report.structured_data) for quote in line["evidence"]] == quotes
    assert player_view(session).why_silent == "The recording was deleted."


def test_a_draft_has_no_seal(asha):
    assert signing.verify(make_report(asha)) is Seal.NONE


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("text", lambda report: report.structured_data[1]["sentences"][0].update(text="Something else.")),
        ("quote", lambda report: first_sentence(report)["evidence"][0].update(quote="Never said.")),
        ("time", lambda report: first_sentence(report)["evidence"][0].update(start_ms=1)),
        ("support", lambda report: first_sentence(report).update(support="confirmed")),
        ("title", lambda report: report.structured_data[0].update(title="Other")),
        ("sentence order", lambda report: report.structured_data.reverse()),
        ("content", lambda report: setattr(report, "generated_content", "Other")),
        ("version", lambda report: setattr(report, "version", 7)),
        ("template version", lambda report: setattr(report, "template_version", 9)),
        ("template", lambda report: report.template_structure["sections"].pop()),
        ("signer", lambda report: setattr(report, "signed_by_id", report.pk)),
        ("time of signing", lambda report: setattr(report, "signed_at", report.signed_at + timedelta(seconds=1))),
        ("hash", lambda report: setattr(report, "content_hash", "0" * 64)),
        ("signature", lambda report: setattr(report, "signature", report.signature[:-1] + "x")),
        ("no signature", lambda report: setattr(report, "signature", "")),
        ("other report", lambda report: setattr(report, "id", report.session_id)),
    ],
)
def test_any_change_breaks_the_seal(asha, name, change):
    report = reloaded(make_report(asha, status="signed"))
    assert signing.verify(report) is Seal.WHOLE

    change(report)

    assert signing.verify(report) is Seal.BROKEN


def test_a_hash_made_again_after_a_change_does_not_help_without_the_key(asha, settings):
    report = reloaded(make_report(asha, status="signed"))
    entry = signing.entry_of(report)
    report.generated_content = "Other"
    entry.digest = report.content_hash = signing.digest_of(report, signing.place_of(entry))
    settings.SIGNING_KEY = ["another key that was never configured here before"]
    report.signature = signing.make_signature(signing.facts_of(report, entry))
    assert signing.verify_with(report, entry) is Seal.WHOLE

    settings.SIGNING_KEY = ["the clinic's own key, which the forger does not have"]

    assert signing.verify_with(report, entry) is Seal.BROKEN


def test_a_new_signing_key_keeps_old_seals_whole(asha, settings):
    report = reloaded(make_report(asha, status="signed"))

    settings.SIGNING_KEY = ["a fresh key that signs from now on", *settings.SIGNING_KEY]

    assert signing.verify(report) is Seal.WHOLE


def test_an_erased_report_keeps_its_signature_and_says_it_was_erased(asha, now):
    report = make_report(asha, status="signed")

    Report.objects.filter(pk=report.pk).update(structured_data=[], generated_content="", erased_at=now)

    assert signing.verify(reloaded(report)) is Seal.ERASED


def test_a_broken_seal_is_refused_and_recorded(asha):
    report = reloaded(make_report(asha, status="signed"))
    report.generated_content = "Other"

    with pytest.raises(permissions.SealBroken):
        services.require_whole(report, by=asha)

    assert AuditEvent.objects.get(action="deny").detail == {"reason": "seal_broken"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "completed"),
        ("content_hash", "0" * 64),
        ("signature", "forged"),
        ("version", 9),
        ("signed_at", "2020-01-01 00:00:00+00:00"),
        ("reviewed_at", None),
        ("engine", "other"),
        ("template_version", 5),
        ("template_structure", "{}"),
        ("key_generation", 0),
        ("structured_data", "v1.0000.garbage"),
        ("generated_content", "v1.0000.garbage"),
        ("amend_reason", "v1.0000.garbage"),
    ],
)
def test_the_database_refuses_to_change_a_signed_report(asha, column, value):
    report = make_report(asha, status="signed")

    with pytest.raises(DatabaseError, match="signed report"):
        change_by_hand(report, column, value)

    assert signing.verify(reloaded(report)) is Seal.WHOLE


def test_the_database_refuses_to_delete_a_signed_report(asha):
    report = make_report(asha, status="signed")

    with pytest.raises(DatabaseError, match="signed report"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM reports_report WHERE id = %s", [_id(report)])

    assert Report.objects.filter(pk=report.pk).exists()


def test_saving_a_signed_report_whole_is_refused(asha):
    report = make_report(asha, status="signed")

    with pytest.raises(DatabaseError, match="signed report"), transaction.atomic():
        report.save()


def test_a_draft_may_change_and_go(asha):
    report = make_report(asha)

    change_by_hand(report, "engine", "other")
    Report.objects.filter(pk=report.pk).delete()

    assert not Report.objects.filter(pk=report.pk).exists()


def test_ciphertext_changes_with_a_key_rotation_and_the_seal_stays_whole(asha):
    report = make_report(asha, status="signed")
    fields = ("structured_data", "generated_content", "amend_reason")
    rewritten = {name: getattr(report, name) for name in fields}

    Report.objects.filter(pk=report.pk).update(**rewritten, key_generation=2)

    assert signing.verify(reloaded(report)) is Seal.WHOLE
    with pytest.raises(DatabaseError, match="signed report"), transaction.atomic():
        Report.objects.filter(pk=report.pk).update(**rewritten, key_generation=2)


def test_an_erasure_is_not_taken_back(asha, now):
    report = make_report(asha, status="signed")
    Report.objects.filter(pk=report.pk).update(generated_content="", erased_at=now)

    with pytest.raises(DatabaseError, match="signed report"), transaction.atomic():
        Report.objects.filter(pk=report.pk).update(erased_at=None)


def test_exporting_and_sharing_are_still_written_down(asha):
    report = make_report(asha, status="signed")

    Report.objects.filter(pk=report.pk).update(exported_formats=["pdf"], shared_with=[{"with": "provider"}])

    assert reloaded(report).exported_formats == ["pdf"]


def test_every_column_is_sealed_or_free_on_purpose():
    columns = {field.column for field in Report._meta.concrete_fields}

    assert columns == {*triggers.FACTS, *triggers.CIPHERTEXT, *triggers.FREE}


def test_an_amendment_is_a_new_version_with_the_same_content(asha, now):
    report = make_report(asha, status="signed")

    amended = services.amend_report(report, reason="Dose  corrected.", by=asha, at=now)

    assert (amended.status, amended.version, amended.amends) == ("completed", 2, report)
    assert amended.amend_reason == "Dose corrected."
    assert amended.structured_data == reloaded(report).structured_data
    assert (amended.signed_by, amended.content_hash) == (None, "")
    assert signing.verify(reloaded(report)) is Seal.WHOLE


def test_an_amendment_is_changed_and_signed_on_its_own(asha, now):
    report = make_report(asha, status="signed")
    amended = services.amend_report(report, reason="Dose corrected.", by=asha, at=now)

    amended = services.add_sentence(amended, "plan", "Blood test in two weeks.", by=asha, at=now)
    amended = sign(settle(amended, by=asha), by=asha)

    assert signing.verify(reloaded(amended)) is Seal.WHOLE
    assert amended.content_hash != reloaded(report).content_hash


def test_an_amendment_needs_a_reason(asha, now):
    report = make_report(asha, status="signed")

    with pytest.raises(services.sealing.EmptyReason):
        services.amend_report(report, reason="  ", by=asha, at=now)


def test_only_the_newest_signed_version_is_amended(asha, now):
    report = make_report(asha, status="signed")
    draft = services.amend_report(report, reason="Once.", by=asha, at=now)

    for refused in (report, draft):
        with pytest.raises(Conflict):
            services.amend_report(refused, reason="Twice.", by=asha, at=now)


def test_a_signed_report_takes_no_other_status(asha, now):
    report = make_report(asha, status="signed")

    for status in Report.Status:
        with pytest.raises(InvalidTransition):
            advance(report, status, at=now)


def test_a_signed_report_put_under_another_patient_is_not_whole(asha):
    report = make_report(asha, status="signed")
    stranger = make_report(asha).session.patient_id

    type(report.session).objects.filter(pk=report.session_id).update(patient_id=stranger)

    assert signing.verify(Report.objects.get(pk=report.pk)) is Seal.BROKEN

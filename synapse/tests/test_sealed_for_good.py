"""Nothing is added under a sealed report: every verb refuses, and so does the database below them."""

import inspect
import io

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from reports import permissions, services
from reports.models import Addendum, CoSignature, Report
from reports.sealing import chain_walk, signing
from reports.sealing.signing import Seal
from reports.tests.factories import first_sentence, make_report, reloaded
from sessions_app.transcripts import corrections
from synapse import workflows
from synapse.common.errors import Conflict

pytestmark = pytest.mark.django_db

# What is still done with a signed report, because it leaves the report as it is.
LEAVES_IT_AS_IT_IS = {
    "amend_report": "makes a new version",
    "ask_co_signature": "a row of its own, sealed when signed",
    "begin_summary": "a text of its own for the patient",
    "blockers_of": "only asks",
    "convert_report": "makes a new draft",
    "export_report": "counts the formats, which are no part of the seal",
    "is_evidence_stale": "only asks",
    "open_addendum": "a row of its own, sealed when signed",
    "rebind_evidence": "passes it over",
    "regenerate": "makes a new version",
    "require_whole": "only asks",
    "sentence_of_cid": "only asks",
    "share_report": "a link of its own",
}


def verbs():
    """Return the services whose first argument is a report."""
    found = {}
    for name in services.__all__:
        function = getattr(services, name)
        if inspect.isfunction(function) and next(iter(inspect.signature(function).parameters), "") == "report":
            found[name] = function
    return found


def arguments_for(function, report, by, at):
    """Return something of the right kind for each argument, so that only the seal can be what refuses."""
    section = report.structured_data[1]
    line = first_sentence(report)
    known = {
        "sentence_id": line["id"],
        "line_id": line["id"],
        "section_id": section["id"],
        "cid": line.get("cid", line["id"]),
        "text": "Slipped in.",
        "verdict": "remove",
        "key": "0-00000000",
        "changes": [{"section": section["id"], "text": "Slipped in."}],
        "is_checked": False,
        "statement_ids": ["r1"],
        "disposition": "past",
        "dispositions": {"r1": "past"},
        "state": "denied",
        "by": by,
        "at": at,
        "code": "timeout",
        "instruction": "Make it shorter.",
        "segment": report.transcription.segments[0]["id"],
        "password_checked": True,
    }
    wanted = inspect.signature(function).parameters
    return {
        name: known.get(name, line["id"])
        for name, parameter in wanted.items()
        if name != "report" and (parameter.default is inspect.Parameter.empty or name == "is_checked")
    }


@pytest.mark.parametrize("name", sorted(set(verbs()) - set(LEAVES_IT_AS_IT_IS)))
def test_no_verb_changes_a_signed_report(asha, now, name):
    report = reloaded(make_report(asha, status="signed"))
    before = Report.objects.filter(pk=report.pk).values().get()
    verb = verbs()[name]

    with pytest.raises((Conflict, permissions.ReportSigned)):
        verb(report, **arguments_for(verb, report, asha, now))

    assert Report.objects.filter(pk=report.pk).values().get() == before


def test_what_is_still_done_with_it_leaves_it_as_it_is(asha, now):
    report = reloaded(make_report(asha, status="signed"))
    columns = [name for name in before_of(report) if name not in {"exported_formats", "updated_at"}]
    before = before_of(report)
    corrections.correct_segments(
        report.transcription,
        [{"id": report.transcription.segments[0]["id"], "text": "Something else entirely."}],
        by=asha,
        at=now,
    )

    services.rebind_evidence(report, at=now)
    services.rebind_session(report.session_id, at=now)
    services.export_report(report, file_type="txt", by=asha, at=now)
    services.open_addendum(report, by=asha, at=now)
    workflows.apply_takeover(report, medications=[], allergies=[], diagnoses=[], by=asha, at=now)
    services.amend_report(report, reason="Words corrected.", by=asha, at=now)

    after = before_of(report)
    assert [after[name] for name in columns] == [before[name] for name in columns]
    assert signing.verify(reloaded(report)) is Seal.WHOLE
    assert chain_walk.walk_chain(report.session.patient).broken is None


def before_of(report):
    return Report.objects.filter(pk=report.pk).values().get()


def test_a_session_with_a_signed_report_stays_with_its_patient(asha, now):
    report = make_report(asha, status="signed")

    with pytest.raises(permissions.ReportSigned):
        permissions.check_can_move(report.session)


@pytest.mark.parametrize(
    "column", ["risk_statements", "missing", "unassigned", "manual_corrections", "correction_notes"]
)
def test_raw_sql_changes_no_words_of_it(asha, column):
    report = make_report(asha, status="signed")
    key = report.pk if connection.vendor == "postgresql" else report.pk.hex

    with pytest.raises(DatabaseError, match="signed report"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE reports_report SET {column} = %s WHERE id = %s", ["v1.0000.garbage", key])


def test_raw_sql_makes_no_signed_report_out_of_a_draft_that_passes(asha, now):
    """The database cannot know the key: what it lets in is found when it is opened and when the chain is walked."""
    draft = make_report(asha)
    Report.objects.filter(pk=draft.pk).update(
        status="signed", signed_by=asha, signed_at=now, content_hash="0" * 64, signature="v2.0000.0000"
    )

    assert signing.verify(reloaded(draft)) is Seal.BROKEN
    assert chain_walk.walk_chain(draft.session.patient).broken.reason == "a signed report has no entry"


def test_what_follows_a_signature_is_the_same_under_new_keys(asha, ben, settings, now):
    report = make_report(asha, status="signed")
    addendum = services.open_addendum(report, by=asha, at=now)
    services.sign_addendum(addendum, "The pharmacy called.", by=asha, at=now, password_checked=True)
    asked = services.ask_co_signature(report, supervisor=ben, by=asha, at=now)
    services.return_for_revision(asked, "Name the dose.", by=ben, at=now)
    again = services.ask_co_signature(report, supervisor=ben, by=asha, at=now)
    services.co_sign(again, by=ben, at=now, password_checked=True)
    fresh = Fernet.generate_key().decode()

    settings.FIELD_ENCRYPTION_KEY = [fresh, *settings.FIELD_ENCRYPTION_KEY]
    call_command("rotate_keys", stdout=io.StringIO())
    settings.FIELD_ENCRYPTION_KEY = [fresh]

    assert Addendum.objects.get().text == "The pharmacy called."
    assert Addendum.objects.get().key_generation == 2
    assert CoSignature.objects.get(pk=asked.pk).comment == "Name the dose."
    assert {signing.verify(Addendum.objects.get()), signing.verify(CoSignature.objects.get(pk=again.pk))} == {
        Seal.WHOLE
    }
    assert chain_walk.walk_chain(report.session.patient) == chain_walk.Verdict(entries=3, erased=0)
    call_command("verify_chain", stdout=io.StringIO())

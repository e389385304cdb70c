"""The chain of a patient's signatures: every entry follows the one before, and the walk finds what does not."""

import io
from datetime import UTC, datetime, timedelta
from importlib import import_module
from uuid import UUID

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from patients.models import Patient
from reports.models import Report, SealEntry
from reports.sealing import chain, chain_walk, signing
from reports.sealing.signing import Seal
from reports.tests.factories import make_report, make_written_session, reloaded
from sessions_app.models import ConsultationSession
from synapse.audit.models import AuditEvent
from synapse.common import triggers

pytestmark = pytest.mark.django_db


def make_chain(doctor, count=3):
    """Sign several reports of one patient; return the patient and the reports in signing order."""
    first = make_report(doctor, status="signed")
    patient = first.session.patient
    reports = [first]
    for _ in range(count - 1):
        session = make_written_session(doctor, patient=patient)
        reports.append(make_report(doctor, session=session, status="signed"))
    return patient, reports


def walk(patient):
    return chain_walk.walk_chain(patient)


def entry_of(report):
    return signing.entry_of(report)


def by_hand(model, pk, **values):
    """Change a row below every rule, as somebody with the database in their hands could."""
    with triggers.lifted(connection):
        model.objects.filter(pk=pk).update(**values)


def report_of_release_one():
    """A report as the first release signed it, with nothing left to chance."""
    line = {
        "id": "s1",
        "text": "Sleeps a bit better.",
        "origin": "ai",
        "support": "supported",
        "flags": [],
        "layout": "item",
        "evidence": [{"segment": 3, "start_ms": 12_000, "end_ms": 15_600, "speaker": "patient", "quote": "A bit ✓."}],
    }
    section = {"id": "hpi", "title": "History", "status": "documented", "sentences": [line], "subsections": []}
    return Report(
        id=UUID(int=1),
        session_id=UUID(int=2),
        template_id=UUID(int=3),
        report_type="followup",
        status="signed",
        template_version=4,
        template_structure={"name": "Follow-up", "sections": [{"id": "hpi", "title": "History"}]},
        structured_data=[section],
        generated_content="History\n\n– Sleeps a bit better.",
        engine="embedded",
        ai_model="embedded-1",
        signed_by_id=UUID(int=5),
        signed_at=datetime(2025, 10, 14, 6, 2, tzinfo=UTC),
    )


def test_each_signature_of_a_patient_follows_the_one_before(asha):
    patient, reports = make_chain(asha)

    entries = list(SealEntry.objects.filter(patient=patient).order_by("number"))

    assert [entry.object_id for entry in entries] == [report.pk for report in reports]
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert [entry.previous_digest for entry in entries] == ["", entries[0].chain_digest, entries[1].chain_digest]
    assert [entry.digest for entry in entries] == [reloaded(report).content_hash for report in reports]
    assert walk(patient) == chain_walk.Verdict(entries=3, erased=0)
    events = AuditEvent.objects.filter(action="sign").order_by("seq")
    assert [event.detail["chain"] for event in events] == [entry.chain_digest for entry in entries]


def test_another_patient_has_a_chain_of_their_own(asha):
    make_chain(asha, 2)
    other = make_report(asha, status="signed")

    assert entry_of(other).number == 1
    assert entry_of(other).previous_digest == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report.risk_statements.append(dict.fromkeys(RISK, "") | {"evidence": [], "id": "r1"}),
        lambda report: setattr(report, "converted_from_id", report.session_id),
        lambda report: setattr(report, "prompt_version", "other"),
        lambda report: setattr(report, "reviewed_at", timezone.now()),
        lambda report: report.structured_data[1]["sentences"][0].update(item="mood", state="denied"),
        lambda report: report.structured_data[1]["sentences"][0].update(cells={"dose": "75 mg"}),
    ],
    ids=["risk statement", "conversion", "prompt", "review", "checklist answer", "table cell"],
)
def test_what_the_second_format_covers_breaks_the_seal_too(asha, change):
    report = reloaded(make_report(asha, status="signed"))
    assert report.signature.startswith("v2.")
    assert signing.verify(report) is Seal.WHOLE

    change(report)

    assert signing.verify(report) is Seal.BROKEN


RISK = ("kind", "polarity", "subject", "time", "disposition", "by", "at")


def test_a_disposition_changed_after_signing_breaks_the_seal(asha):
    report = reloaded(make_report(asha, status="signed"))
    statement = {**dict.fromkeys(RISK, ""), "id": "r1", "evidence": [], "disposition": "denied"}
    place = signing.place_of(entry_of(report))
    report.risk_statements = [statement]
    signed = signing.digest_of(report, place)

    report.risk_statements = [{**statement, "disposition": "current"}]

    assert signing.digest_of(report, place) != signed


def test_a_report_signed_by_the_first_release_can_still_be_checked(settings):
    settings.SIGNING_KEY = ["a signing key of the first release, 43 characters."]
    report = report_of_release_one()
    report.content_hash = "0435c0aa52f4630e309f12e370d6061e0fa03b5a6f4427d8926d07cff40a6b7d"
    report.signature = "v1.a6aa0dbe.4ccea4076325b1aa8faeb6bb6b304ecc407474eef6b176b517ddb9208e7a93d6"
    assert signing.verify(report) is Seal.WHOLE

    report.structured_data[0]["sentences"][0]["evidence"][0]["quote"] = "Never said."

    assert signing.verify(report) is Seal.BROKEN


def test_a_signature_does_not_pass_for_one_of_the_first_format(asha):
    report = reloaded(make_report(asha, status="signed"))

    report.signature = report.signature.replace("v2.", "v1.")

    assert signing.verify(report) is Seal.BROKEN


def test_reports_signed_before_the_chain_get_entries_in_the_order_of_signing(asha):
    patient, reports = make_chain(asha)
    other = make_report(asha, status="signed")
    with triggers.lifted(connection):
        SealEntry.objects.all().delete()
        for hours, report in enumerate(reversed(reports)):
            Report.objects.filter(pk=report.pk).update(signed_at=timezone.now() - timedelta(hours=9 - hours))

    migration = import_module("reports.migrations.0006_chain_signed_reports")
    for _ in range(2):  # a second run finds nothing to do
        migration.add_entries(apps, None)

    entries = list(SealEntry.objects.filter(patient=patient).order_by("number"))
    assert [entry.object_id for entry in entries] == [report.pk for report in reversed(reports)]
    assert chain_walk.are_links_whole(patient.pk)
    assert entry_of(other).number == 1


def test_an_edited_entry_is_found(asha):
    patient, reports = make_chain(asha)
    by_hand(SealEntry, entry_of(reports[1]).pk, digest="0" * 64)

    assert walk(patient).broken == chain_walk.Broken(patient.patient_id, 2, "the entry was changed")


def test_an_edited_entry_whose_hashes_were_all_made_again_is_found(asha):
    patient, reports = make_chain(asha)
    entry = entry_of(reports[0])
    entry.sealed_at -= timedelta(days=1)
    previous = ""
    for later in [entry, entry_of(reports[1]), entry_of(reports[2])]:
        later.previous_digest = previous
        previous = later.chain_digest = chain.link_digest(later)
        by_hand(
            SealEntry,
            later.pk,
            sealed_at=later.sealed_at,
            previous_digest=later.previous_digest,
            chain_digest=later.chain_digest,
        )

    assert chain_walk.are_links_whole(patient.pk)
    assert walk(patient).broken.number == 1
    assert "not the one that was signed" in walk(patient).broken.reason


def test_a_deleted_entry_is_found(asha):
    patient, reports = make_chain(asha)
    with triggers.lifted(connection):
        entry_of(reports[1]).delete()

    assert walk(patient).broken == chain_walk.Broken(patient.patient_id, 2, "the entry is missing")


def test_an_entry_cut_off_the_end_is_found_by_its_report(asha):
    patient, reports = make_chain(asha)
    with triggers.lifted(connection):
        entry_of(reports[2]).delete()

    assert walk(patient).broken == chain_walk.Broken(patient.patient_id, 3, "a signed report has no entry")


def test_an_entry_cut_off_with_its_report_is_found_by_the_audit_trail(asha):
    patient, reports = make_chain(asha)
    with triggers.lifted(connection):
        entry_of(reports[2]).delete()
        Report.objects.filter(pk=reports[2].pk).delete()

    broken = walk(patient).broken
    assert (broken.number, broken.reason) == (3, "entry 3 stands in the audit trail and not here")


def test_an_inserted_entry_is_found(asha):
    patient, reports = make_chain(asha, 2)
    last = entry_of(reports[1])
    forged = SealEntry(
        patient=patient,
        number=3,
        kind="report",
        object_id=UUID(int=7),
        code=chain.new_code(),
        digest="1" * 64,
        previous_digest=last.chain_digest,
        signed_by=asha,
        sealed_at=timezone.now(),
    )
    forged.chain_digest = chain.link_digest(forged)
    forged.save()

    assert walk(patient).broken == chain_walk.Broken(patient.patient_id, 3, "the report is gone")


def test_entries_in_another_order_are_found(asha):
    patient, reports = make_chain(asha)
    second, third = entry_of(reports[1]), entry_of(reports[2])
    by_hand(SealEntry, second.pk, number=99)
    by_hand(SealEntry, third.pk, number=2)
    by_hand(SealEntry, second.pk, number=3)

    assert walk(patient).broken.number == 2


def test_two_reports_that_changed_places_are_found_though_every_hash_was_made_again(asha):
    patient, reports = make_chain(asha, 2)
    first, second = entry_of(reports[0]), entry_of(reports[1])
    swapped = [
        (first, second.object_id, second.digest, second.sealed_at, ""),
        (second, first.object_id, first.digest, first.sealed_at, None),
    ]
    by_hand(SealEntry, second.pk, object_id=UUID(int=9))
    previous = ""
    for entry, object_id, digest, sealed_at, _ in swapped:
        entry.object_id, entry.digest, entry.sealed_at, entry.previous_digest = object_id, digest, sealed_at, previous
        previous = entry.chain_digest = chain.link_digest(entry)
        by_hand(
            SealEntry,
            entry.pk,
            object_id=object_id,
            digest=digest,
            sealed_at=sealed_at,
            previous_digest=entry.previous_digest,
            chain_digest=entry.chain_digest,
        )

    assert chain_walk.are_links_whole(patient.pk)
    assert walk(patient).broken == chain_walk.Broken(
        patient.patient_id, 1, "the report was changed after it was signed"
    )


def test_a_changed_report_is_found(asha):
    patient, reports = make_chain(asha)
    by_hand(Report, reports[1].pk, generated_content="Other.")

    assert walk(patient).broken == chain_walk.Broken(
        patient.patient_id, 2, "the report was changed after it was signed"
    )


def test_a_report_moved_to_another_patient_is_found(asha):
    patient, reports = make_chain(asha, 2)
    other = make_report(asha, status="signed").session.patient
    ConsultationSession.objects.filter(pk=reports[0].session_id).update(patient=other)

    assert walk(patient).broken.reason == "the report stands under another patient"
    assert walk(other).broken.reason == "a signed report has no entry"


def test_an_erased_report_leaves_the_chain_whole_and_is_counted(asha, now):
    patient, reports = make_chain(asha)
    Report.objects.filter(pk=reports[1].pk).update(structured_data=[], generated_content="", erased_at=now)

    assert walk(patient) == chain_walk.Verdict(entries=3, erased=1)


def test_the_command_walks_every_patient_and_says_how_many_entries_are_whole(asha, now):
    _, reports = make_chain(asha)
    make_report(asha, status="signed")
    make_report(asha)
    Report.objects.filter(pk=reports[1].pk).update(structured_data=[], generated_content="", erased_at=now)
    said = io.StringIO()

    call_command("verify_chain", stdout=said)

    assert said.getvalue().strip() == (
        "2 chains with 4 signatures are whole. 1 of them sign content that was erased on purpose."
    )


def test_the_command_fails_with_the_first_broken_entry(asha):
    patient, reports = make_chain(asha)
    by_hand(Report, reports[2].pk, generated_content="Other.")
    said = io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("verify_chain", patient.patient_id, stderr=said)

    assert ended.value.code == 1
    assert said.getvalue().strip() == (
        f"The chain of {patient.patient_id} is broken at entry 3: the report was changed after it was signed."
    )


def test_the_command_knows_its_patients(asha):
    whole = make_report(asha, status="signed").session.patient
    broken = make_report(asha, status="signed")
    by_hand(Report, broken.pk, generated_content="Other.")

    call_command("verify_chain", whole.patient_id, stdout=io.StringIO())
    with pytest.raises(CommandError, match="PAT-0"):
        call_command("verify_chain", "PAT-0")


@pytest.mark.parametrize("column", ["number", "digest", "previous_digest", "chain_digest", "code", "sealed_at"])
def test_the_database_refuses_to_change_an_entry(asha, column):
    entry = entry_of(make_report(asha, status="signed"))
    value = {"number": 2, "sealed_at": "2020-01-01 00:00:00+00:00"}.get(column, "0")

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE reports_sealentry SET {column} = %s WHERE id = %s", [value, entry.pk])


def test_the_database_refuses_to_delete_an_entry(asha):
    make_report(asha, status="signed")

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM reports_sealentry")

    assert Patient.objects.get().seals.count() == 1


def test_a_code_has_eighty_bits_and_no_letter_that_looks_like_another():
    codes = {chain.new_code() for _ in range(200)}

    assert len(codes) == 200
    assert len(chain.ALPHABET) == len(set(chain.ALPHABET)) == 32
    assert not set("".join(codes)) & set("ILOU")
    assert all([len(group) for group in code.split("-")] == [4, 4, 4, 4] for code in codes)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("7QKM-4F2X-9TDA-0HR1", "7QKM-4F2X-9TDA-0HR1"),
        (" 7qkm 4f2x 9tda ohri ", "7QKM-4F2X-9TDA-0HR1"),
        ("7QKM4F2X9TDA0HRL", "7QKM-4F2X-9TDA-0HR1"),
        ("7QKM-4F2X-9TDA", ""),
        ("7QKM-4F2X-9TDA-0HRU", ""),
        ("", ""),
    ],
)
def test_a_code_is_understood_however_it_is_typed(typed, read):
    assert chain.read_code(typed) == read

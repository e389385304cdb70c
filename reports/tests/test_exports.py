"""A report as a file: what it says, what it never says, and who gets it."""

import json
import re
from io import BytesIO

import docx
import pypdf
import pytest

from patients import services as patients
from reports import permissions, services
from reports.models import Report
from reports.printing import exports, printed
from reports.tests.factories import first_sentence, make_report, make_written_session, reloaded
from sessions_app.models import SessionEvent
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed

pytestmark = pytest.mark.django_db


def text_of(file_type, content):
    if file_type == "pdf":
        return "\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages)
    if file_type == "docx":
        document = docx.Document(BytesIO(content))
        section = document.sections[0]
        cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
        paragraphs = [*section.header.paragraphs, *document.paragraphs, *section.footer.paragraphs]
        return "\n".join([paragraph.text for paragraph in paragraphs] + cells)
    if file_type == "md":
        return re.sub(r"\\(.)", r"\1", content.decode())
    return content.decode()


def plain(text):
    """Drop source numbers and line ends, which differ between formats."""
    return re.sub(r"\s+", " ", text)


@pytest.fixture
def practice(asha):
    """Give asha a practice of her own."""
    profile = asha.profile
    profile.clinic_name, profile.clinic_address = "Banyan Clinic ₹", "12 Karve Road\nPune"
    profile.license_number, profile.specialization = "MMC-2011-04417", "Psychiatrist"
    profile.save()
    return asha


@pytest.mark.parametrize("file_type", ["pdf", "docx"])
def test_a_signed_document_has_header_body_sources_and_signature(practice, file_type, now):
    session = make_written_session(practice)
    patients.update_patient(session.patient, {"allergies": "Penicillin, nuts"}, by=practice, at=now)
    report = make_report(practice, session=session, status="signed")

    document = services.export_report(reloaded(report), file_type=file_type, by=practice, at=now)

    text = plain(text_of(file_type, document.content))
    patient = report.session.patient
    for words in (
        "Banyan Clinic ₹",
        "Karve Road",
        "Dr Asha Rao",
        "Psychiatrist",
        "Reg. MMC-2011-04417",
        patient.full_name,
        patient.patient_id,
        report.session.session_id,
        "Penicillin, nuts",
        report.title,
        "Sources, time in the recording: 1 0:",
        "with password",
        "(UTC+05:30)",
        "checked, corrected and signed",
    ):
        assert words in text, words
    assert report.content_hash in text.replace(" ", "")
    assert first_sentence(report)["text"].rstrip(".") in text
    assert "raft, not signed" not in text


@pytest.mark.parametrize("file_type", ["pdf", "docx", "txt", "md"])
def test_a_draft_says_that_it_is_one(asha, file_type, now):
    report = make_report(asha)

    document = services.export_report(report, file_type=file_type, by=asha, at=now)

    assert "draft, not signed" in text_of(file_type, document.content).lower()
    assert document.file_name.endswith(f"-draft.{file_type}")


def test_a_draft_says_so_on_every_page_of_the_pdf(asha, now):
    report = make_report(asha)
    remarks = [{"section": "interval_history", "text": f"Further remark number {number}. " * 3} for number in range(60)]
    report = services.apply_changes(report, remarks, by=asha, at=now)

    document = services.export_report(report, file_type="pdf", by=asha, at=now)

    pages = pypdf.PdfReader(BytesIO(document.content)).pages
    assert len(pages) > 1
    for number, page in enumerate(pages, start=1):
        text = page.extract_text()
        assert printed.DRAFT_WORDS in text
        assert f"Page {number} of {len(pages)}" in text


@pytest.mark.parametrize("file_type", ["pdf", "docx", "txt", "md"])
def test_what_was_not_discussed_is_said(asha, file_type, now):
    report = make_report(asha, status="signed")
    sections = [section for section in report.structured_data if not section["subsections"]]
    silent = [section["title"] for section in sections if section["status"] == "not_discussed"]

    text = plain(
        text_of(file_type, services.export_report(reloaded(report), file_type=file_type, by=asha, at=now).content)
    )

    assert silent
    for title in silent:
        assert re.search(rf"{re.escape(title)}\W{{1,6}}Not discussed", text), title


@pytest.mark.parametrize("file_type", ["pdf", "docx", "txt", "md"])
def test_gaps_of_the_recording_are_quoted(asha, file_type, now):
    report = make_report(asha, status="signed")
    SessionEvent.objects.create(
        session=report.session,
        cid="s:1",
        kind=SessionEvent.Kind.GAP,
        at_ms=61_000,
        until_ms=95_000,
        reason=SessionEvent.Reason.ASLEEP,
        at=now,
    )

    text = text_of(file_type, services.export_report(reloaded(report), file_type=file_type, by=asha, at=now).content)

    assert "from 1:01 to 1:35 (the device was asleep)" in plain(text)


@pytest.mark.parametrize("file_type", ["pdf", "docx", "txt", "md"])
def test_markup_in_a_sentence_stays_words(asha, file_type, now):
    report = services.add_sentence(
        make_report(asha), "plan", 'Said <img src="http://127.0.0.1:9/x"> & <b>bold</b> {{ name }}', by=asha, at=now
    )

    text = text_of(file_type, services.export_report(report, file_type=file_type, by=asha, at=now).content)

    assert '<img src="http://127.0.0.1:9/x"> & <b>bold</b> {{ name }}' in plain(text)


def test_an_amendment_says_what_it_amends(asha, now):
    report = services.amend_report(make_report(asha, status="signed"), reason="Dose corrected.", by=asha, at=now)

    for file_type in ("pdf", "docx"):
        text = text_of(
            file_type, services.export_report(reloaded(report), file_type=file_type, by=asha, at=now).content
        )
        assert re.search(r"Amends version 1, signed [\w ]+, because: Dose corrected\.", plain(text))


def test_lines_on_the_doctors_own_word_are_counted(asha, now):
    report = services.add_sentence(make_report(asha), "plan", "Blood test.", by=asha, at=now)

    text = text_of("pdf", services.export_report(report, file_type="pdf", by=asha, at=now).content)

    assert "1 line rests on the clinician's own word" in plain(text).replace("’", "'")


def test_the_json_is_the_report_as_the_contract_names_it(asha, now):
    report = make_report(asha, status="signed")

    data = json.loads(services.export_report(reloaded(report), file_type="json", by=asha, at=now).content)

    assert data["status"] == "signed"
    assert data["content_hash"] == report.content_hash
    section = next(section for section in data["sections"] if section["sentences"])
    assert set(section) == {"id", "title", "status", "sentences", "subsections"}
    sentence = next(line for entry in data["sections"] for line in entry["sentences"] if line["evidence"])
    assert set(sentence) == {"id", "text", "origin", "evidence", "support", "flags"}
    assert set(sentence["evidence"][0]) == {"segment", "start_ms", "end_ms", "speaker", "quote"}


def test_file_names_and_properties_hold_no_patient(asha, now):
    report = make_report(asha, status="signed")
    patient = report.session.patient

    pdf = services.export_report(reloaded(report), file_type="pdf", by=asha, at=now)
    word = services.export_report(reloaded(report), file_type="docx", by=asha, at=now)

    properties = docx.Document(BytesIO(word.content)).core_properties
    metadata = str(pypdf.PdfReader(BytesIO(pdf.content)).metadata)
    shown = f"{pdf.file_name} {word.file_name} {metadata} {properties.title} {properties.author} {properties.subject}"
    assert patient.last_name not in shown
    assert patient.patient_id not in shown


def test_an_export_is_recorded_and_remembered(asha, now):
    report = make_report(asha, status="signed")

    services.export_report(reloaded(report), file_type="pdf", by=asha, at=now)
    services.export_report(reloaded(report), file_type="txt", by=asha, at=now)

    assert reloaded(report).exported_formats == ["pdf", "txt"]
    events = AuditEvent.objects.filter(action="export", target_id=str(report.pk)).order_by("seq")
    assert [event.detail["format"] for event in events] == ["pdf", "txt"]
    assert events[0].patient_id == report.session.patient_id


def test_a_report_that_was_changed_after_signing_is_not_exported(asha, now):
    report = reloaded(make_report(asha, status="signed"))
    report.structured_data[-1]["title"] = "Another title"

    with pytest.raises(permissions.SealBroken):
        services.export_report(report, file_type="pdf", by=asha, at=now)

    assert not AuditEvent.objects.filter(action="export").exists()
    assert Report.objects.get(pk=report.pk).exported_formats == []


def test_an_unknown_format_is_refused(asha, now):
    with pytest.raises(exports.UnknownFormat):
        services.export_report(make_report(asha), file_type="exe", by=asha, at=now)


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_a_report_that_is_not_written_is_not_exported(asha, now, status):
    with pytest.raises(Conflict):
        services.export_report(make_report(asha, status=status), file_type="txt", by=asha, at=now)


@pytest.mark.parametrize("who", ["rita", "omar"])
def test_only_treating_doctors_export(asha, request, who, now):
    report = make_report(asha, status="signed")

    with pytest.raises(NotAllowed):
        services.export_report(report, file_type="pdf", by=request.getfixturevalue(who), at=now)

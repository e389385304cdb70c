"""The verify page: what a printed code tells a stranger, and what it never tells."""

import re
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader

from reports.models import Report
from reports.printing import exports
from reports.sealing import signing
from reports.tests.factories import first_sentence, make_report, reloaded, settle, sign
from reports.tests.test_chain import by_hand
from reports.verification import answers as verification
from reports.verification.answers import Match
from reports.verification.views import MAXIMUM_UPLOADS, MAXIMUM_WRONG_CODES
from synapse.documents.pdf_signature import read_signature

pytestmark = pytest.mark.django_db
UNKNOWN = ("0000-0000-0000-0000", "not-a-code", "7QKM-4F2X", "' OR 1=1 --")


def code_of(report):
    return signing.entry_of(report).code


def address(report):
    return reverse("verify:code", args=[code_of(report)])


def exported(report, now):
    return exports.render(reloaded(report), file_type="pdf", at=now).content


def upload(client, report, data, name="copy.pdf"):
    return client.post(address(report), {"file": SimpleUploadedFile(name, data, "application/pdf")})


def test_a_signed_report_is_printed_with_its_code_and_the_clinics_signature(asha, now):
    report = make_report(asha, status="signed")

    data = exported(report, now)

    words = "\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)
    assert code_of(report) in words
    assert "localhost" in words
    verdict = read_signature(data)
    assert verdict.is_whole
    assert verdict.reason == f"Sealed report, code {code_of(report)}, SHA-256 {reloaded(report).content_hash}"
    patient = report.session.patient
    field = PdfReader(BytesIO(data)).get_fields()["ClinicSignature"]["/V"]
    told = " ".join(str(value) for key, value in field.items() if key != "/Contents")
    told += field["/Contents"].hex() if isinstance(field["/Contents"], bytes) else ""
    for name in (patient.first_name, patient.last_name, patient.patient_id):
        assert name not in told
        assert name.encode().hex() not in told


@pytest.mark.parametrize("file_type", ["txt", "md", "docx", "json", "fhir"])
def test_formats_without_a_picture_name_the_code(asha, now, file_type):
    report = make_report(asha, status="signed")

    data = exports.render(reloaded(report), file_type=file_type, at=now).content

    if file_type == "docx":
        from docx import Document

        data = "\n".join(part.text for part in Document(BytesIO(data)).paragraphs).encode()
    assert code_of(report).encode() in data


def test_a_draft_is_printed_without_signature_and_code(asha, now):
    data = exported(make_report(asha), now)

    assert not read_signature(data).is_signed
    assert "Verify code" not in PdfReader(BytesIO(data)).pages[0].extract_text()


def test_a_code_tells_who_signed_when_and_that_it_holds(asha, client):
    asha.profile.license_number = "MMC-2011-04417"
    asha.profile.save()
    report = make_report(asha, status="signed")

    response = client.get(address(report))

    page = response.content.decode()
    assert response.status_code == 200
    for words in ("The seal holds", asha.display_name, "MMC-2011-04417", "version 1", report.content_hash):
        assert words in page
    assert "noindex" in response["X-Robots-Tag"]
    assert "no-store" in response["Cache-Control"]


def test_the_page_tells_nothing_of_the_patient_or_the_content(asha, client):
    report = make_report(asha, status="signed")
    patient = report.session.patient

    page = client.get(address(report)).content.decode()

    for secret in (
        patient.first_name,
        patient.last_name,
        patient.patient_id,
        report.session.session_id,
        report.title,
        str(report.pk),
        str(patient.pk),
        first_sentence(report)["text"],
    ):
        assert secret not in page


@pytest.mark.parametrize("code", UNKNOWN)
def test_every_wrong_code_gets_the_same_answer_for_the_same_work(asha, client, code):
    make_report(asha, status="signed")
    client.get(reverse("verify:code", args=["ZZZZ-ZZZZ-ZZZZ-ZZZY"]))
    answers = []

    for wrong in ("ZZZZ-ZZZZ-ZZZZ-ZZZZ", code):
        with CaptureQueriesContext(connection) as queries:
            response = client.get(reverse("verify:code", args=[wrong]))
        page = re.sub(rb"[A-Za-z0-9]{64}", b"", response.content)  # the form token
        answers.append((response.status_code, page, len(queries)))

    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_a_code_is_found_however_it_is_typed(asha, client):
    report = make_report(asha, status="signed")
    typed = code_of(report).lower().replace("-", " ").replace("0", "o").replace("1", "l")

    response = client.get(reverse("verify:start"), {"code": typed}, follow=True)

    assert response.status_code == 200
    assert "The seal holds" in response.content.decode()


def test_guessing_is_slowed_down_for_that_address_and_whoever_has_a_right_code_goes_on(asha, client):
    report = make_report(asha, status="signed")
    wrong = [reverse("verify:code", args=[code]) for code in ("wrong", "ZZZZ-ZZZZ-ZZZZ-ZZZZ")]
    for _ in range(MAXIMUM_WRONG_CODES):
        assert client.get(wrong[0]).status_code == 404

    refused = [re.sub(rb"[A-Za-z0-9]{64}", b"", client.get(page).content) for page in wrong]
    assert [client.get(page).status_code for page in wrong] == [429, 429]
    assert refused[0] == refused[1]
    assert client.get(address(report)).status_code == 200
    assert upload(client, report, b"no pdf").status_code == 200
    assert client.get(wrong[0], REMOTE_ADDR="198.51.100.7").status_code == 404


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(asha, client, method):
    report = make_report(asha, status="signed")

    assert getattr(client, method)(address(report)).status_code == 405
    assert client.post(reverse("verify:start")).status_code == 405


def test_a_changed_report_is_said_to_be_broken(asha, client):
    report = make_report(asha, status="signed")
    by_hand(Report, report.pk, generated_content="Other.")

    assert "The seal is broken" in client.get(address(report)).content.decode()


def test_an_entry_missing_before_it_is_said_too(asha, client, now):
    first = make_report(asha, status="signed")
    second = sign(settle(_amended(first, now), by=asha), by=asha)
    by_hand(type(signing.entry_of(first)), signing.entry_of(first).pk, number=7)

    assert "The seal is broken" in client.get(address(second)).content.decode()


def test_erased_content_is_said_to_be_erased(asha, client, now):
    report = make_report(asha, status="signed")
    Report.objects.filter(pk=report.pk).update(structured_data=[], generated_content="", erased_at=now)

    page = client.get(address(report)).content.decode()

    assert "The content was erased" in page
    assert "The seal is broken" not in page


def test_a_newer_signed_version_is_named_and_a_draft_of_one_is_not(asha, client, now):
    report = make_report(asha, status="signed")
    draft = _amended(report, now)
    assert "Version 2" not in client.get(address(report)).content.decode()

    sign(settle(draft, by=asha), by=asha)

    assert "Version 2 amends version 1" in client.get(address(report)).content.decode()


def _amended(report, now):
    from reports import services

    return services.amend_report(report, reason="Dose corrected.", by=report.session.doctor, at=now)


def test_the_exported_file_is_the_signed_document(asha, client, now):
    report = make_report(asha, status="signed")

    page = upload(client, report, exported(report, now)).content.decode()

    assert "The file is the signed document" in page


def test_a_changed_foreign_or_other_file_is_told_apart(asha, now, settings, tmp_path):
    report = make_report(asha, status="signed")
    other = make_report(asha, status="signed")
    data = exported(report, now)
    changed = bytearray(data)
    changed[len(data) // 3] ^= 1
    sealed = verification.find_sealed(code_of(report))

    assert verification.compare_file(data, sealed) is Match.SAME
    assert verification.compare_file(bytes(changed), sealed) in {Match.CHANGED, Match.NOT_SIGNED}
    assert verification.compare_file(exported(other, now), sealed) is Match.OTHER
    assert verification.compare_file(exported(make_report(asha), now), sealed) is Match.NOT_SIGNED
    settings.DATA_DIR = tmp_path
    foreign = exported(report, now)
    settings.DATA_DIR = tmp_path / "ours"
    exported(report, now)
    assert verification.compare_file(foreign, sealed) is Match.FOREIGN


def test_no_file_or_one_too_large_is_refused(asha, client, now):
    report = make_report(asha, status="signed")

    assert client.post(address(report)).status_code == 422
    assert upload(client, report, b"%PDF-" + b"0" * 5_400_000).status_code == 422


def test_the_file_is_kept_nowhere(asha, client, now, settings):
    report = make_report(asha, status="signed")
    data = exported(report, now)
    before = {path for path in settings.DATA_DIR.rglob("*") if path.is_file()}

    upload(client, report, data, name="Patient Name.pdf")

    assert {path for path in settings.DATA_DIR.rglob("*") if path.is_file()} == before


def test_comparing_is_slowed_down(asha, client):
    report = make_report(asha, status="signed")
    for _ in range(MAXIMUM_UPLOADS):
        assert upload(client, report, b"no pdf").status_code == 200

    assert upload(client, report, b"no pdf").status_code == 429


def test_the_clinics_certificate_is_handed_to_everybody(client):
    from cryptography import x509

    from synapse.documents.certificates import fingerprint

    response = client.get(reverse("verify:certificate"))

    certificate = x509.load_der_x509_certificate(response.content)
    assert response["Content-Type"] == "application/pkix-cert"
    assert fingerprint(certificate) in client.get(reverse("verify:start")).content.decode()

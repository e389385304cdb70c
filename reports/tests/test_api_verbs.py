"""Reports for programs: review, sign, amend, export, share and ask for one."""

import io
import json
import zipfile

import pytest
from docx import Document

from reports import services
from reports.content import all_sentences
from reports.models import Report, ReportShare
from reports.tests.calls import SHARE, address, error_of
from reports.tests.factories import (
    UNSUPPORTED,
    line_about,
    make_report,
    make_written_session,
    reloaded,
    settle,
    write,
)
from sessions_app.models import Transcription
from sessions_app.tests.factories import make_session
from synapse.accounts import second_factor
from synapse.api.models import IdempotencyKey
from synapse.audit.models import AuditEvent
from synapse.testing.plugin import PASSWORD

pytestmark = pytest.mark.django_db


def test_a_draft_is_marked_read(api, asha):
    body = api(asha).post(address(make_report(asha), "review")).json()
    assert (body["reviewed_by"], body["status"]) == (str(asha.pk), "completed")


def test_the_doctor_signs_with_the_password(api, asha):
    report = settle(make_report(asha), by=asha)
    client = api(asha)
    wrong = client.post(address(report, "sign"), {"password": "wrong"})
    assert (wrong.status_code, list(error_of(wrong)["fields"])) == (400, ["password"])
    assert AuditEvent.objects.filter(action="sign", outcome="denied").count() == 1

    response = client.post(address(report, "sign"), {"password": PASSWORD})

    body = response.json()
    assert (response.status_code, body["status"], body["signed_by"]) == (200, "signed", str(asha.pk))
    assert len(body["content_hash"]) == 64
    assert response["ETag"] == client.get(address(report))["ETag"]


def test_a_second_factor_is_asked_for_where_there_is_one(api, asha, monkeypatch):
    report = settle(make_report(asha), by=asha)
    asked = []

    def check(user, code, *, at):
        asked.append(code)
        if not code:
            raise second_factor.SecondFactorNeeded(user)

    monkeypatch.setattr(second_factor, "check_code", check)
    refused = api(asha).post(address(report, "sign"), {"password": PASSWORD})
    assert (refused.status_code, error_of(refused)["code"]) == (400, "otp_required")
    assert list(error_of(refused)["fields"]) == ["otp"]
    assert api(asha).post(address(report, "sign"), {"password": PASSWORD, "otp": "123456"}).status_code == 200
    assert asked == ["", "123456"]


def test_what_keeps_a_draft_from_being_signed_is_named(api, asha, now):
    report = make_report(asha, with_unsupported=True)
    line = line_about(report, UNSUPPORTED)["id"]
    section = next(section for section in report.structured_data if section["id"] == "risk_assessment")
    for sentence in list(all_sentences([section])):
        report = services.settle_sentence(report, sentence["id"], "remove", by=asha, at=now)

    response = api(asha).post(address(report, "sign"), {"password": PASSWORD})

    assert (response.status_code, error_of(response)["code"]) == (409, "not_ready_to_sign")
    named = error_of(response)["fields"]
    assert {f"sentences.{line}", "sections.risk_assessment"} <= set(named)
    assert {f"risk_statements.{one['id']}" for one in report.risk_statements} <= set(named)
    assert not AuditEvent.objects.filter(action="sign").exists()


def test_only_the_sessions_doctor_signs(api, asha, ben, now):
    from patients import services as patients

    report = settle(make_report(asha), by=asha)
    patients.share_patient(report.session.patient, doctor=ben, by=asha, at=now)
    response = api(ben).post(address(report, "sign"), {"password": PASSWORD})
    assert (response.status_code, error_of(response)["code"]) == (403, "not_allowed")


def test_an_amendment_is_a_new_version_made_once(api, asha):
    report = make_report(asha, status="signed")
    client = api(asha)
    assert list(error_of(client.post(address(report, "amend"), {"reason": " "}))["fields"]) == ["reason"]
    headers = {"Idempotency-Key": "amend-1"}

    first = client.post(address(report, "amend"), {"reason": "Dose corrected."}, headers=headers)
    again = client.post(address(report, "amend"), {"reason": "Dose corrected."}, headers=headers)

    body = first.json()
    assert (first.status_code, again.json()) == (201, body)
    assert (body["version"], body["amends"], body["status"]) == (2, str(report.pk), "completed")
    assert body["sections"] == client.get(address(report)).json()["sections"]
    assert Report.objects.filter(session=report.session).count() == 2
    draft = client.post(f"/api/v1/reports/{body['id']}/amend/", {"reason": "x"})
    assert draft.status_code == 409


def is_word(content):
    return Document(io.BytesIO(content)).paragraphs and zipfile.ZipFile(io.BytesIO(content)).testzip() is None


FILES = [
    ("pdf", "application/pdf", lambda content: content.startswith(b"%PDF-")),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", is_word),
    ("txt", "text/plain; charset=utf-8", lambda content: b"sertraline" in content.lower()),
    ("md", "text/markdown; charset=utf-8", lambda content: b"# " in content),
    ("json", "application/json", lambda content: json.loads(content)["status"] == "signed"),
    ("fhir", "application/fhir+json", lambda content: json.loads(content)["resourceType"] == "Bundle"),
]


def test_a_report_is_exported_as_a_file(api, asha):
    report = make_report(asha, status="signed")
    client = api(asha)
    for file_type, media_type, is_right in FILES:
        response = client.post(address(report, "export"), {"format": file_type})

        assert (response.status_code, response["Content-Type"]) == (200, media_type)
        assert is_right(response.content)
        name = response["Content-Disposition"]
        assert name.startswith(f'attachment; filename="report-{report.pk.hex[:8]}-v1.')
        assert report.session.patient.last_name.lower() not in name.lower()
        assert response["Cache-Control"] == "no-store"
        assert AuditEvent.objects.filter(action="export", target_id=str(report.pk), detail__format=file_type).exists()
    assert reloaded(report).exported_formats == sorted(file_type for file_type, *_ in FILES)


def test_there_is_no_other_format_and_nothing_to_export_of_what_is_not_written(api, asha):
    report = make_report(asha, status="pending")
    response = api(asha).post(address(report, "export"), {"format": "exe"})
    assert (response.status_code, list(error_of(response)["fields"])) == (400, ["format"])
    assert api(asha).post(address(report, "export"), {"format": "pdf"}).status_code == 409


def test_a_link_is_made_once_listed_and_ended(api, asha):
    report = make_report(asha, status="signed")
    client = api(asha)
    headers = {"Idempotency-Key": "share-1"}

    made = client.post(address(report, "share"), {**SHARE, "pin": "493817"}, headers=headers)
    again = client.post(address(report, "share"), {**SHARE, "pin": "493817"}, headers=headers)

    body = made.json()
    # The address is a secret: it is neither kept with the answer nor given again, to whatever token of the same person.
    assert (made.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    assert again.json() == {name: body[name] for name in ("id", "expires_at", "uses_left")}
    assert set(body) == {"id", "url", "expires_at", "uses_left"}
    assert body["url"].rsplit("/", 2)[1] not in IdempotencyKey.objects.get().body
    assert client.get(body["url"].removeprefix("http://localhost:8000")).status_code == 200
    listed = client.get(address(report, "shares"))
    (row,) = listed.json()["results"]
    assert (row["id"], row["with"], row["has_pin"], row["openings"]) == (body["id"], "patient", True, [])
    assert body["url"].rstrip("/").rpartition("/")[2].encode() not in listed.content
    assert client.get(address(report)).json()["shared_with"][0]["share"] == body["id"]
    one = f"{address(report, 'shares')}{body['id']}/"
    tag = client.get(one)["ETag"]
    assert client.delete(one, headers={"If-Match": '"other"'}).status_code == 412
    assert client.delete(one, headers={"If-Match": tag}).status_code == 204
    assert client.delete(one).status_code == 204
    assert ReportShare.objects.get().revoked_by == asha


def test_terms_that_cannot_be_are_refused_by_name(api, asha):
    report = make_report(asha, status="signed")
    client = api(asha)
    for change, name in [
        ({"with": "employer"}, "with"),
        ({"email": "nobody"}, "email"),
        ({"expires_in_hours": 0}, "expires_in_hours"),
        ({"expires_in_hours": 721}, "expires_in_hours"),
        ({"pin": "1"}, "pin"),
        ({"uses": 21}, "uses"),
        ({"with": "provider"}, "reason"),
        ({"with": "provider", "document": "summary"}, "document"),
    ]:
        response = client.post(address(report, "share"), SHARE | change)
        assert (response.status_code, list(error_of(response)["fields"])) == (400, [name])
    assert not ReportShare.objects.exists()


def test_a_draft_is_not_shared(api, asha):
    response = api(asha).post(address(make_report(asha), "share"), SHARE)
    assert (response.status_code, error_of(response)["code"]) == (409, "not_signed")


def test_reception_prints_what_the_patient_was_given_and_nothing_else(api, asha, rita, omar, now):
    report = make_report(asha, status="signed")
    terms = {"document": "report", "expires_in_hours": 24, "by": asha, "at": now}
    given = services.share_report(report, audience="patient", email="k@mail.example", **terms).share
    services.share_report(report, audience="provider", email="p@mail.example", reason="Asked.", **terms)
    client = api(rita)

    listed = client.get(address(report, "shares")).json()["results"]
    assert [row["id"] for row in listed] == [str(given.pk)]
    assert not {"openings", "reason"} & listed[0].keys()
    one = f"{address(report, 'shares')}{given.pk}/"
    printed = client.post(f"{one}hand-over/")
    assert (printed.status_code, printed["Content-Type"]) == (200, "application/pdf")
    assert AuditEvent.objects.latest("seq").action == "print"
    assert client.delete(one).status_code == 403
    assert api(omar).post(f"{one}hand-over/").status_code == 403
    services.revoke_share(given, by=asha, at=now)
    assert client.post(f"{one}hand-over/").status_code == 404


def test_a_report_is_asked_for_once_and_written(api, asha):
    session = make_written_session(asha)
    client = api(asha)
    path = f"/api/v1/sessions/{session.pk}/generate-report/"
    headers = {"Idempotency-Key": "generate-1"}

    first = client.post(path, {"report_type": "discharge"}, headers=headers)
    again = client.post(path, {"report_type": "discharge"}, headers=headers)

    body = first.json()
    assert (first.status_code, again.status_code, again.json()) == (202, 202, body)
    assert (body["status"], body["version"], body["report_type"], body["sections"]) == ("pending", 1, "discharge", [])
    running = client.post(path)
    assert (running.status_code, error_of(running)["code"]) == (409, "report_running")
    report = Report.objects.get()
    write(report)
    assert client.get(address(report)).json()["status"] == "completed"
    assert client.post(path, {"report_type": "discharge"}).json()["version"] == 2


def test_what_cannot_be_written_is_told(api, asha, ben, now):
    session = make_session(asha, status="completed")
    path = f"/api/v1/sessions/{session.pk}/generate-report/"
    client = api(asha)
    assert error_of(client.post(path))["code"] in {"no_transcription", "transcription_running"}
    session.transcriptions.all().delete()
    Transcription.objects.create(session=session, status="no_speech")
    silent = client.post(path)
    assert (silent.status_code, error_of(silent)["code"]) == (409, "no_speech")
    theirs = services.create_template(name="x", structure={"sections": [{"id": "a", "title": "A"}]}, by=ben, at=now)
    for body, name in (
        ({"template": str(theirs.pk)}, "template"),
        ({"template": "soap"}, "template"),
        ({"report_type": "novel"}, "report_type"),
        ({"colour": "red"}, "colour"),
    ):
        response = client.post(path, body)
        assert (response.status_code, list(error_of(response)["fields"])) == (400, [name])
    assert not Report.objects.exists()

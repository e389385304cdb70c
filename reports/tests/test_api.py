"""Reports for programs: who reads what, and how a draft is changed."""

import json
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from reports.content import all_sentences, find_sentence
from reports.tests.calls import SHARE, address, error_of, ids_of, in_words
from reports.tests.factories import (
    UNSUPPORTED,
    first_sentence,
    line_about,
    make_report,
    reloaded,
)
from sessions_app.transcripts import corrections
from synapse.audit.models import AuditEvent
from synapse.common import triggers
from synapse.testing.plugin import PASSWORD

pytestmark = pytest.mark.django_db
CONTRACT = {
    *("id", "session", "template", "transcription", "report_type", "status", "version", "sections", "content"),
    *("scores", "missing", "unassigned", "ai_model", "prompt_version", "content_hash", "reviewed_by", "reviewed_at"),
    *("signed_by", "signed_at", "generated_content", "structured_data", "generation_started_at"),
    *("generation_completed_at", "generation_seconds", "manual_corrections", "correction_notes", "manually_edited"),
    *("exported_formats", "shared_with", "created_at"),
}


def test_a_report_has_the_fields_of_the_contract(api, asha):
    report = make_report(asha)

    response = api(asha).get(address(report))

    body = response.json()
    assert response.status_code == 200
    assert body.keys() >= CONTRACT
    assert body["structured_data"] == body["sections"]
    assert body["generated_content"] == body["content"]
    assert set(body["scores"]) == {"completeness", "quality", "confidence"}
    assert body["patient"] == str(report.session.patient_id)
    sentence = next(line for section in body["sections"] for line in section["sentences"] if line["evidence"])
    assert {"id", "text", "origin", "evidence", "support", "flags"} <= sentence.keys()
    assert set(sentence["evidence"][0]) == {"segment", "start_ms", "end_ms", "speaker", "quote"}
    assert AuditEvent.objects.latest("seq").target_id == str(report.pk)


def test_a_list_leaves_the_words_out_unless_asked(api, asha):
    report = make_report(asha, status="signed")
    client = api(asha)

    body = client.get("/api/v1/reports/")

    assert in_words(report) not in body.content
    assert {"id", "scores", "status", "session", "patient"} <= body.json()["results"][0].keys()
    assert "sections" not in body.json()["results"][0]
    asked = client.get("/api/v1/reports/?fields=sections").json()["results"][0]
    assert set(asked) == {"id", "sections"}


def test_a_list_decrypts_no_words(api, asha, monkeypatch):
    make_report(asha)
    from synapse.encryption import crypto

    decrypted = []
    decrypt = crypto.decrypt
    monkeypatch.setattr(
        crypto, "decrypt", lambda value, *, label: decrypted.append(label) or decrypt(value, label=label)
    )
    client = api(asha)
    assert client.get("/api/v1/reports/").json()["count"] == 1
    assert client.get("/api/v1/reports/?cursor=&page_size=1").json()["count"] is None
    assert not [label for label in decrypted if label.startswith(("reports.", "sessions_app.", "patients."))]


def test_queries_do_not_grow_with_the_page(api, asha, count_queries):
    client = api(asha)

    def count():
        addresses = ("/api/v1/reports/?fields=status", "/api/v1/reports/?fields=sections")
        return [count_queries(partial(client.get, address)) for address in addresses]

    report = make_report(asha, status="signed")
    few = count()
    for _ in range(2):
        make_report(asha, session=report.session)
    assert count() == few


def test_lists_are_filtered_and_ordered(api, asha):
    signed = make_report(asha, status="signed")
    draft = make_report(asha)
    newer = make_report(asha, session=draft.session)
    client = api(asha)

    def found(query):
        return ids_of(client.get(f"/api/v1/reports/?{query}"))

    assert found("status=signed") == [str(signed.pk)]
    assert found(f"session={draft.session_id}&latest=true") == [str(newer.pk)]
    assert found(f"patient={signed.session.patient_id}") == [str(signed.pk)]
    assert found(f"signed_before={signed.signed_at.isoformat().replace('+', '%2B')}") == []
    assert found("signed_after=2020-01-01T00:00:00Z") == [str(signed.pk)]
    assert found(f"template={draft.template_id}&ordering=created_at")[0] == str(signed.pk)
    assert found("report_type=discharge") == []
    assert found("ordering=-version")[0] == str(newer.pk)
    assert client.get("/api/v1/reports/?status=done").status_code == 400
    assert client.get("/api/v1/reports/?template=soap").status_code == 400


def test_the_evidence_is_every_sentence_with_its_places(api, asha):
    report = make_report(asha)

    body = api(asha).get(address(report, "evidence")).json()

    lines = list(all_sentences(report.structured_data))
    assert [row["id"] for row in body["results"]] == [line["id"] for line in lines]
    assert body["count"] == len(lines)
    assert [row["evidence"] for row in body["results"]] == [line["evidence"] for line in lines]
    assert all(row["section"] for row in body["results"])
    assert AuditEvent.objects.latest("seq").detail == {"part": "evidence"}
    assert error_of(api(asha).get(address(report, "evidence") + "?cursor="))["fields"].keys() == {"cursor"}


def test_a_draft_is_read_with_the_transcript_as_it_stands(api, asha, now):
    report = make_report(asha)
    segment = first_sentence(report)["evidence"][0]["segment"]
    corrections.correct_segments(
        report.transcription, [{"id": segment, "text": "Quite other words."}], by=asha, at=timezone.now()
    )

    body = api(asha).get(address(report))

    assert b"Quite other words." in body.content


def test_a_report_changed_after_signing_is_withheld(api, asha, omar):
    report = make_report(asha, status="signed")
    fine = make_report(asha, status="signed")
    changed = reloaded(report)
    changed.structured_data[0]["title"] = "CANARY"
    with triggers.lifted(connection):
        changed.save(update_fields=["structured_data"])

    for verb in ("", "evidence"):
        response = api(omar).get(address(report, verb))
        assert (response.status_code, error_of(response)["code"]) == (409, "seal_broken")
        assert b"CANARY" not in response.content
    listed = api(asha).get("/api/v1/reports/?fields=sections,status").json()["results"]
    assert {row["id"]: "sections" in row for row in listed} == {str(report.pk): False, str(fine.pk): True}
    assert AuditEvent.objects.filter(detail__reason="seal_broken").count() == 3


def test_a_patients_reports_are_listed_below_the_patient(api, asha):
    report = make_report(asha)
    make_report(asha)
    response = api(asha).get(f"/api/v1/patients/{report.session.patient_id}/reports/?ordering=-created_at")
    assert ids_of(response) == [str(report.pk)]
    assert "sections" not in response.json()["results"][0]


def test_a_stranger_finds_nothing(api, asha, ben):
    report = make_report(asha, status="signed")
    client = api(ben)
    assert client.get("/api/v1/reports/").json()["count"] == 0
    bodies = {"sign": {"password": PASSWORD}, "amend": {"reason": "x"}, "export": {"format": "pdf"}, "share": SHARE}
    for verb in ("review", *bodies):
        assert client.post(address(report, verb), bodies.get(verb)).status_code == 404
    for verb in ("", "evidence", "shares"):
        response = client.get(address(report, verb))
        assert response.status_code == 404
        assert in_words(report) not in response.content
    assert client.patch(address(report), {}).status_code == 404
    assert client.post(f"/api/v1/sessions/{report.session_id}/generate-report/").status_code == 404
    assert client.get(f"/api/v1/patients/{report.session.patient_id}/reports/").status_code == 404
    assert AuditEvent.objects.latest("seq").target_id == str(report.session.patient_id)


def test_administration_reads_signed_reports_and_changes_none(api, asha, omar):
    signed, draft = make_report(asha, status="signed"), make_report(asha)
    client = api(omar)

    body = client.get(address(signed))

    assert in_words(signed) in body.content
    assert not {"missing", "unassigned", "manual_corrections", "correction_notes"} & body.json().keys()
    assert ids_of(client.get("/api/v1/reports/")) == [str(signed.pk)]
    assert client.get(address(draft)).status_code == 404
    for verb in ("review", "sign", "amend", "export", "share"):
        assert client.post(address(signed, verb)).status_code == 403
    assert client.patch(address(signed), {}).status_code == 403
    assert client.post(f"/api/v1/sessions/{signed.session_id}/generate-report/").status_code == 403


def test_reception_sees_that_a_report_is_there_and_whether_it_is_signed(api, asha, rita):
    report = make_report(asha, status="signed")
    client = api(rita)

    responses = [
        client.get(address(report)),
        client.get("/api/v1/reports/"),
        client.get(f"/api/v1/patients/{report.session.patient_id}/reports/"),
    ]

    assert [response.status_code for response in responses] == [200, 200, 200]
    for response in responses:
        assert in_words(report) not in response.content
    body = responses[0].json()
    assert body["status"] == "signed"
    assert set(body) == {
        *("id", "session", "patient", "report_type", "status", "version", "signed_at", "created_at", "updated_at")
    }
    assert set(client.get("/api/v1/reports/?fields=content,sections").json()["results"][0]) == {"id"}
    assert client.get(address(report, "evidence")).status_code == 403
    for verb in ("review", "sign", "amend", "export", "share"):
        assert client.post(address(report, verb)).status_code == 403
    assert client.patch(address(report), {}).status_code == 403


def test_a_token_without_the_clinical_scope_sees_none(bearer, asha, rita):
    report = make_report(asha, status="signed")
    for person in (asha, rita):
        client = bearer(person, scopes=["read", "write"])
        for path in ("/api/v1/reports/", address(report), address(report, "evidence"), address(report, "shares")):
            response = client.get(path)
            assert (response.status_code, error_of(response)["code"]) == (403, "scope_missing")
    reader = bearer(asha, scopes=["read", "clinical"])
    assert reader.get(address(report)).status_code == 200
    assert error_of(reader.post(address(report, "amend"), {"reason": "x"}))["code"] == "scope_missing"


def test_sentences_are_changed_confirmed_removed_and_added_at_once(api, asha):
    report = make_report(asha, with_unsupported=True)
    lines = [line for line in all_sentences(report.structured_data) if line["evidence"]]
    doubtful = line_about(report, UNSUPPORTED)
    edited, removed = [line for line in lines if line["id"] != doubtful["id"]][:2]

    response = api(asha).put(
        address(report),
        {
            "sentences": [
                {"id": edited["id"], "text": "Sleeps better."},
                {"id": doubtful["id"], "support": "confirmed"},
                {"id": removed["id"], "removed": True},
                {"section": "plan", "text": "Blood pressure next time."},
            ],
            "dispositions": [{"id": one["id"], "disposition": "denied"} for one in report.risk_statements],
            "correction_notes": "Read back.",
        },
    )

    assert response.status_code == 200
    body = response.json()
    stored = reloaded(report)
    sections = stored.structured_data
    changed = find_sentence(sections, edited["id"]).sentence
    assert (changed["text"], changed["origin"], changed["evidence"]) == ("Sleeps better.", "doctor", edited["evidence"])
    assert find_sentence(sections, doubtful["id"]).sentence["support"] == "confirmed"
    assert find_sentence(sections, removed["id"]) is None
    assert line_about(stored, "Blood pressure")["support"] == "confirmed"
    assert (body["correction_notes"], body["manually_edited"]) == ("Read back.", True)
    assert {one["disposition"] for one in body["risk_statements"]} == {"denied"}
    assert "Sleeps better." in body["content"]


def test_a_change_is_whole_or_nothing(api, asha):
    report = make_report(asha)
    line = first_sentence(report)["id"]
    for body, name in [
        ({"sentences": [{"id": line, "removed": True}, {"id": "s999", "removed": True}]}, "s999"),
        ({"sentences": [{"id": line, "removed": True}, {"section": "nowhere", "text": "x"}]}, "nowhere"),
        ({"sentences": [{"id": line, "removed": True}], "dispositions": [{"id": "r99", "disposition": "past"}]}, "r99"),
    ]:
        response = api(asha).patch(address(report), body)
        assert response.status_code == 400
        assert name in json.dumps(error_of(response)["fields"])
    assert reloaded(report).structured_data == report.structured_data


def test_a_change_that_says_nothing_clear_is_refused_by_name(api, asha):
    report = make_report(asha, status="pending")
    client = api(asha)
    for change, name in [
        ({"id": "s1"}, "sentences.0"),
        ({"text": "x"}, "sentences.0"),
        ({"id": "s1", "text": "x", "removed": True}, "sentences.0"),
        ({"id": "s1", "text": "  "}, "sentences.0.text"),
        ({"id": "s1", "text": "x" * 2_001}, "sentences.0.text"),
        ({"id": "s1", "removed": False}, "sentences.0.removed"),
        ({"id": "s1", "support": "supported"}, "sentences.0.support"),
        ({"id": "s1", "origin": "ai"}, "sentences.0.origin"),
        ({"section": "plan", "removed": True}, "sentences.0"),
        ("s1", "sentences.0"),
    ]:
        response = client.patch(address(report), {"sentences": [change]})
        assert (response.status_code, list(error_of(response)["fields"])) == (400, [name])


def test_no_status_is_written_and_what_was_read_may_be_sent_back(api, asha):
    report = make_report(asha)
    client = api(asha)
    body = client.get(address(report)).json()
    line = first_sentence(report)["id"]
    assert client.put(address(report), {**body, "sentences": [{"id": line, "support": "confirmed"}]}).status_code == 200
    response = client.put(address(report), {"status": "signed", "signed_by": str(asha.pk), "content_hash": "f" * 64})
    assert response.status_code == 400
    assert set(error_of(response)["fields"]) == {"status", "signed_by", "content_hash"}


def test_an_edit_on_top_of_another_is_refused_when_the_version_is_named(api, asha):
    report = make_report(asha)
    client = api(asha)
    tag = client.get(address(report))["ETag"]
    line = first_sentence(report)["id"]
    body = {"sentences": [{"id": line, "text": "First words."}]}
    first = client.put(address(report), body, headers={"If-Match": tag})
    assert first.status_code == 200
    second = client.put(address(report), {"sentences": [{"id": line, "removed": True}]}, headers={"If-Match": tag})
    assert (second.status_code, error_of(second)["code"]) == (412, "changed_meanwhile")
    for verb, sent in (("review", {}), ("sign", {"password": "wrong"}), ("export", {"format": "txt"})):
        assert client.post(address(report, verb), sent, headers={"If-Match": tag}).status_code == 412
    assert client.post(address(report, "review"), headers={"If-Match": first["ETag"]}).status_code == 200


def test_a_signed_report_does_not_change(api, asha):
    report = make_report(asha, status="signed")
    client = api(asha)
    line = first_sentence(report)["id"]
    for response in (
        client.put(address(report), {"sentences": [{"id": line, "removed": True}]}),
        client.patch(address(report), {}),
        client.post(address(report, "review")),
        client.post(address(report, "sign"), {"password": PASSWORD}),
    ):
        assert (response.status_code, error_of(response)["code"]) == (409, "report_signed")

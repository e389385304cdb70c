"""What was said, as programs read and correct it; and who may not."""

import json
from uuid import uuid4

import pytest
from django.utils import timezone

from patients import services as patients
from sessions_app.models import Transcription
from sessions_app.tests.factories import make_session, make_transcription, make_written_session, segment_of
from sessions_app.transcripts import corrections
from sessions_app.transcripts import services as transcripts
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

ROW = {
    *("id", "session", "status", "transcript_text", "original_transcript", "segments", "speakers", "stt_service"),
    *("stt_model", "language", "confidence_score", "word_count", "character_count", "processing_seconds"),
    *("manually_corrected", "corrected_by", "corrected_at", "correction_notes", "error_message", "retry_count"),
}
SEGMENT = {"id", "start_ms", "end_ms", "speaker", "text", "confidence", "words", "original_text"}
SAID = ("transcript_text", "original_transcript", "segments", "speakers", "correction_notes")


@pytest.fixture
def session(asha):
    return make_written_session(asha)


@pytest.fixture
def row(session):
    return session.transcriptions.get()


def error_of(response):
    return response.json()["error"]


def address(row, *more):
    return "/".join(["/api/v1/transcriptions", str(row.pk), *more, ""])


def test_a_doctor_reads_every_field_and_it_is_on_record(api, asha, session, row):
    body = api(asha).get(address(row)).json()
    event = AuditEvent.objects.latest("seq")
    assert body.keys() >= ROW
    assert body["segments"][0].keys() == SEGMENT
    assert body["segments"][0]["words"][0].keys() == {"text", "start_ms", "end_ms", "confidence"}
    assert (body["session"], body["status"], body["word_count"]) == (str(session.pk), "completed", row.word_count)
    assert (event.action, event.target_id, event.patient_id) == ("read", str(row.pk), session.patient_id)
    assert api(asha).get(f"/api/v1/sessions/{session.pk}/transcription/").json() == body


def test_a_list_is_short_unless_the_words_are_asked_for(api, asha, row):
    client = api(asha)
    listed = client.get("/api/v1/transcriptions/").json()["results"][0]
    asked = client.get("/api/v1/transcriptions/?fields=segments,transcript_text").json()["results"][0]
    assert listed.keys() & ROW == ROW - {"segments", "transcript_text", "original_transcript"}
    assert asked.keys() == {"id", "segments", "transcript_text"}
    assert asked["segments"][0]["text"] == row.segments[0]["text"]


def test_only_the_words_that_are_shown_are_decrypted(api, asha, row, monkeypatch):
    from synapse.encryption import crypto

    decrypted = []
    decrypt = crypto.decrypt
    monkeypatch.setattr(
        crypto, "decrypt", lambda value, *, label: decrypted.append(label) or decrypt(value, label=label)
    )

    def read(query):
        decrypted.clear()
        assert api(asha).get(query).status_code == 200
        return {label.rpartition(".")[2] for label in decrypted if label.startswith("sessions_app.")}

    assert read("/api/v1/transcriptions/") == {"speakers", "correction_notes"}
    assert read(f"{address(row)}?fields=status") == set()
    assert read(f"{address(row)}?fields=segments") == {"segments"}


def test_queries_do_not_grow_with_the_page(api, asha, row, count_queries):
    client, query = api(asha), "/api/v1/transcriptions/?fields=segments,status"
    make_transcription(make_session(asha, status="completed"), status="pending")
    few = count_queries(lambda: client.get(query))
    for status in ("completed", "pending", "failed"):
        make_transcription(make_session(asha, status="completed"), status=status)
    assert count_queries(lambda: client.get(query)) == few


def test_lines_are_read_while_the_session_runs(api, asha):
    session = make_session(asha)
    row = transcripts.open_live(session)
    line = segment_of("patient", 0, 900, "I slept badly again") | {"id": 1}
    transcripts.append_live_segments(row, [line], offset_ms=900, at=timezone.now())
    body = api(asha).get(f"/api/v1/sessions/{session.pk}/transcription/").json()
    assert (body["status"], body["transcript_text"]) == ("processing", "")
    assert [one["text"] for one in body["segments"]] == ["I slept badly again"]
    listed = api(asha).get("/api/v1/transcriptions/?fields=segments").json()["results"]
    assert listed[0]["segments"] == body["segments"]


def test_a_session_without_words_has_no_transcription(api, asha):
    session = make_session(asha)
    assert api(asha).get(f"/api/v1/sessions/{session.pk}/transcription/").status_code == 404


def test_a_list_is_filtered(api, asha, session, row):
    failed = make_transcription(make_session(asha, status="completed"), status="failed")
    client = api(asha)

    def found(query):
        return {one["id"] for one in client.get(f"/api/v1/transcriptions/?{query}").json()["results"]}

    assert found("") == {str(row.pk), str(failed.pk)}
    assert found("status=failed") == {str(failed.pk)}
    assert found(f"session={session.pk}") == found(f"patient={session.patient_id}") == {str(row.pk)}
    assert found(f"doctor={uuid4()}") == set()


def test_administration_sees_how_it_stands_and_nothing_that_was_said(api, omar, session, row):
    client = api(omar)
    for query in (address(row), f"/api/v1/sessions/{session.pk}/transcription/", "/api/v1/transcriptions/"):
        response = client.get(query)
        body = response.json()
        one = body["results"][0] if "results" in body else body
        assert (one["status"], one["retry_count"]) == ("completed", 0)
        assert not one.keys() & set(SAID)
        assert b"sertraline" not in response.content
    assert client.put(address(row), {"correction_notes": "mine"}).status_code == 403
    assert client.post(address(row, "regenerate")).status_code == 403


def test_administration_has_a_failed_one_written_again(api, omar, session, row):
    Transcription.objects.all().delete()
    failed = make_transcription(session, status="failed")
    response = api(omar).post(address(failed, "regenerate"))
    assert (response.status_code, response.json()["retry_count"]) == (202, 1)
    assert not response.json().keys() & set(SAID)


def test_reception_and_strangers_find_nothing(api, rita, ben, session, row):
    for one, status in ((rita, 403), (ben, 404)):
        client = api(one)
        answers = [
            client.get(address(row)),
            client.put(address(row), {"segments": []}),
            client.post(address(row, "regenerate")),
            client.get(f"/api/v1/sessions/{session.pk}/transcription/"),
        ]
        assert [answer.status_code for answer in answers] == [status] * 4
        assert not any(b"sertraline" in answer.content for answer in answers)
    assert api(ben).get("/api/v1/transcriptions/").json()["count"] == 0


def test_a_colleague_of_the_patient_corrects(api, ben, session, row):
    patients.grant_access(session.patient, doctor=ben, source="shared", by=session.doctor, at=timezone.now())
    response = api(ben).patch(address(row), {"segments": [{"id": 1, "text": "How did you sleep?"}]})
    assert (response.status_code, response.json()["corrected_by"]) == (200, str(ben.pk))


def test_lines_are_corrected_and_what_was_heard_is_kept(api, asha, row):
    client = api(asha)
    wanted = {
        "segments": [{"id": 2, "text": "Much better."}, {"id": 3, "speaker": "other"}],
        "correction_notes": "Heard\r\nagain",
    }
    response = client.put(address(row), wanted)
    body = response.json()
    assert response.status_code == 200
    assert (body["segments"][1]["text"], body["segments"][2]["speaker"]) == ("Much better.", "other")
    assert body["segments"][1]["original_text"] == row.segments[1]["text"]
    assert (body["manually_corrected"], body["corrected_by"]) == (True, str(asha.pk))
    assert (body["correction_notes"], body["original_transcript"]) == ("Heard\nagain", row.original_transcript)
    assert "Much better." in body["transcript_text"]
    assert client.get(address(row)).json() == body
    assert client.get(address(row))["ETag"] == response["ETag"]


def test_notes_alone_are_kept(api, asha, row):
    response = api(asha).patch(address(row), {"correction_notes": "Heard again"})
    assert (response.json()["correction_notes"], response.json()["manually_corrected"]) == ("Heard again", False)


def test_what_was_read_may_be_sent_back_whole(api, asha, row):
    client = api(asha)
    body = client.get(address(row)).json()
    body["segments"][0]["text"] = "How did you sleep?"
    response = client.put(address(row), body)
    assert response.status_code == 200
    assert response.json()["segments"][0]["text"] == "How did you sleep?"
    assert response.json()["segments"][1:] == body["segments"][1:]


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"segments": [{"id": 1, "text": "x"}, {"id": 99, "text": "CANARY"}]}, "segments.1.id"),
        ({"segments": [{"id": "first", "text": "x"}]}, "segments.0.id"),
        ({"segments": [{"text": "x"}]}, "segments.0.id"),
        ({"segments": [{"id": 1, "text": " "}]}, "segments.0.text"),
        ({"segments": [{"id": 1, "text": "x" * 5_000}]}, "segments.0.text"),
        ({"segments": [{"id": 1, "speaker": "nurse"}]}, "segments.0.speaker"),
        ({"segments": [{"id": 1, "start_ms": 7}]}, "segments.0.start_ms"),
        ({"segments": [{"id": 1, "voice": 2}]}, "segments.0.voice"),
        ({"segments": [{"id": 1, "text": "x"}, {"id": 1, "text": "y"}]}, "segments"),
        ({"segments": "all"}, "segments"),
        ({"status": "pending"}, "status"),
        ({"transcript_text": "CANARY"}, "transcript_text"),
        ({"correction_notes": "x" * 5_000}, "correction_notes"),
    ],
)
def test_what_cannot_be_taken_is_named(api, asha, row, wanted, named):
    response = api(asha).put(address(row), wanted)
    assert (response.status_code, list(error_of(response)["fields"])) == (400, [named])
    assert b"CANARY" not in response.content
    row.refresh_from_db()
    assert row.revision == 0


def test_a_transcript_that_is_not_finished_is_not_corrected(api, asha):
    row = make_transcription(make_session(asha, status="completed"), status="failed")
    assert api(asha).put(address(row), {"segments": []}).status_code == 409


def test_a_change_on_top_of_another_is_refused_when_the_version_is_named(api, asha, row):
    client = api(asha)
    tag = client.get(address(row))["ETag"]
    corrections.swap_speakers(row, by=asha, at=timezone.now())
    wanted = {"segments": [{"id": 1, "text": "How did you sleep?"}]}
    assert client.put(address(row), wanted, headers={"If-Match": tag}).status_code == 412
    assert client.post(address(row, "regenerate"), headers={"If-Match": tag}).status_code == 412
    assert client.put(address(row), wanted).status_code == 200


def test_the_words_are_written_again_in_a_new_row(api, asha, session, row):
    client = api(asha)
    answers = [client.post(address(row, "regenerate"), headers={"Idempotency-Key": "r"}) for _ in range(2)]
    body = answers[0].json()
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[1].json() == body
    assert (body["status"], body["retry_count"], body["segments"]) == ("pending", 1, [])
    assert session.transcriptions.count() == 2
    refused = client.post(address(row, "regenerate"))
    assert refused.status_code == 409
    # Until the new one is done, the old one counts.
    assert client.get(f"/api/v1/sessions/{session.pk}/transcription/").json()["id"] == str(row.pk)


def test_nothing_that_was_said_reaches_the_trail_or_the_log(api, asha, row, caplog):
    client = api(asha)
    client.put(address(row), {"segments": [{"id": 1, "text": "CANARY"}], "correction_notes": "CANARY"})
    client.put(address(row), {"segments": [{"id": 99, "text": "CANARY"}]})
    assert "CANARY" not in json.dumps(list(AuditEvent.objects.values("detail", "target_label"))) + caplog.text

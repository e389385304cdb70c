"""Sessions as programs see them: verbs, roles, states, and what nobody may learn."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from patients.tests.factories import make_patient
from sessions_app import services
from sessions_app.models import ConsultationSession
from sessions_app.tests.factories import make_session, record_audio
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

ROW = {
    *("id", "session_id", "patient", "doctor", "appointment", "session_type", "telehealth", "status"),
    *("chief_complaint", "session_notes", "started_at", "ended_at", "paused_at", "resumed_at", "duration_minutes"),
    *("audio_url", "audio_duration_seconds", "audio_size_bytes", "audio_format", "audio_quality_score"),
    *("recording_settings", "stt_settings", "billing_code", "billing_amount"),
}
CONTENT = {"chief_complaint", "session_notes"}


def error_of(response):
    return response.json()["error"]


def address(session, *more):
    return "/".join(["/api/v1/sessions", str(session.pk), *more, ""])


def test_a_doctor_reads_every_field_and_it_is_on_record(api, asha):
    session = make_session(asha, chief_complaint="CANARY")
    response = api(asha).get(address(session))
    body = response.json()
    assert body.keys() >= ROW
    assert (body["patient"], body["doctor"]) == (str(session.patient_id), str(asha.pk))
    assert (body["status"], body["chief_complaint"], body["audio_url"]) == ("in_progress", "CANARY", None)
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.target_id, event.patient_id) == ("read", str(session.pk), session.patient_id)


def test_each_role_reads_as_much_as_it_may(api, asha, rita, omar):
    session = make_session(asha, chief_complaint="CANARY")
    services.update_session(session, {"session_notes": "CANARY"}, by=asha, at=timezone.now())
    record_audio(session)
    for one, hidden in ((omar, CONTENT), (rita, CONTENT | {"audio_url", "audio_size_bytes", "billing_amount"})):
        for response in (api(one).get(address(session)), api(one).get("/api/v1/sessions/")):
            assert b"CANARY" not in response.content
            body = response.json()
            row = body["results"][0] if "results" in body else body
            assert not row.keys() & hidden
            assert row["status"] == "in_progress"
            assert row["started_at"]
    assert api(omar).get(address(session)).json()["audio_url"].endswith(address(session, "audio"))


def test_reception_and_administration_hold_no_session(api, asha, rita, omar):
    session = make_session(asha, consent=False)
    for one in (rita, omar):
        client = api(one)
        answers = [
            client.post("/api/v1/sessions/", {"patient": str(session.patient_id)}),
            client.patch(address(session), {"status": "paused"}),
            client.delete(address(session)),
            client.post(address(session, "complete")),
            client.get(address(session, "audio")),
        ]
        assert [answer.status_code for answer in answers] == [403] * 5
    session.refresh_from_db()
    assert session.status == "in_progress"


def test_a_stranger_finds_nothing(api, asha, ben):
    session = make_session(asha, chief_complaint="CANARY")
    client = api(ben)
    answers = [
        client.get(address(session)),
        client.patch(address(session), {"status": "paused"}),
        client.delete(address(session)),
        client.post(address(session, "complete")),
        client.get(address(session, "audio")),
        client.get(f"/api/v1/patients/{session.patient_id}/sessions/"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 6
    assert not any(b"CANARY" in answer.content for answer in answers)
    assert client.get("/api/v1/sessions/").json()["count"] == 0


def test_a_colleague_of_the_patient_reads_but_does_not_hold_it(api, asha, ben):
    mine = make_session(asha, status="completed")
    theirs = make_session(ben, patient=_shared(mine.patient, ben))
    client = api(asha)
    assert client.get(address(theirs)).status_code == 200
    refused = [client.patch(address(theirs), {"status": "paused"}), client.delete(address(theirs))]
    assert [answer.status_code for answer in refused] == [403, 403]


def test_a_token_without_the_clinical_scope_knows_only_the_times(bearer, asha):
    session = make_session(asha, chief_complaint="CANARY")
    client = bearer(asha, scopes=["read"])
    response = client.get(address(session))
    assert (response.status_code, response.json()["status"]) == (200, "in_progress")
    assert b"CANARY" not in response.content
    assert client.get(address(session, "audio")).status_code == 403


def test_a_list_is_filtered_and_ordered(api, asha):
    old = make_session(asha, status="completed", at=timezone.now() - timedelta(days=9), session_type="emergency")
    new = make_session(asha)
    client = api(asha)

    def found(query):
        return [row["id"] for row in client.get(f"/api/v1/sessions/?{query}").json()["results"]]

    assert found("") == [str(new.pk), str(old.pk)]
    assert found("ordering=started_at") == [str(old.pk), str(new.pk)]
    week_ago = (timezone.now() - timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert found(f"patient={old.patient_id}") == [str(old.pk)]
    assert found(f"started_after={week_ago}") == [str(new.pk)]
    assert found(f"started_before={week_ago}") == [str(old.pk)]
    assert found("status=completed") == found("session_type=emergency") == [str(old.pk)]
    assert found(f"doctor={uuid4()}") == []
    assert client.get("/api/v1/sessions/?status=asleep").status_code == 400


def test_a_patients_sessions_are_read_beneath_the_patient(api, asha, rita):
    session = make_session(asha, status="completed")
    make_session(asha)
    for one in (asha, rita):
        body = api(one).get(f"/api/v1/patients/{session.patient_id}/sessions/").json()
        assert [row["id"] for row in body["results"]] == [str(session.pk)]
    assert api(asha).get(f"/api/v1/patients/{uuid4()}/sessions/").status_code == 404


def test_queries_do_not_grow_with_the_page_and_only_what_is_asked_for_is_decrypted(
    api, asha, count_queries, monkeypatch
):
    client = api(asha)
    make_session(asha, status="completed", chief_complaint="CANARY")
    few = count_queries(lambda: client.get("/api/v1/sessions/"))
    for _ in range(5):
        make_session(asha, status="completed")
    assert count_queries(lambda: client.get("/api/v1/sessions/")) == few
    from synapse.encryption import crypto

    decrypted = []
    decrypt = crypto.decrypt
    monkeypatch.setattr(
        crypto, "decrypt", lambda value, *, label: decrypted.append(label) or decrypt(value, label=label)
    )
    assert client.get("/api/v1/sessions/?fields=status,patient").status_code == 200
    assert [label for label in decrypted if label.startswith("sessions_app.")] == []
    client.get("/api/v1/sessions/")
    assert {label for label in decrypted if label.startswith("sessions_app.")} == {
        "sessions_app.ConsultationSession.chief_complaint",
        "sessions_app.ConsultationSession.session_notes",
    }


def test_a_session_starts_without_consent_and_a_second_one_names_the_first(api, asha):
    patient = make_patient(asha)
    client = api(asha)
    wanted = {"patient": str(patient.pk), "session_type": "emergency", "chief_complaint": "Panic"}
    first = client.post("/api/v1/sessions/", wanted)
    assert first.status_code == 201
    assert first.json()["session_id"].startswith("SESS-")
    assert (first.json()["session_type"], first.json()["status"]) == ("emergency", "in_progress")
    second = client.post("/api/v1/sessions/", wanted)
    assert (second.status_code, error_of(second)["code"]) == (409, "session_live")
    assert error_of(second)["fields"] == {"session": [first.json()["id"]]}


def test_only_ones_own_patients_and_visits_begin_a_session(api, asha, ben):
    stranger = make_patient(ben, last_name="CANARY")
    client = api(asha)
    answers = [
        client.post("/api/v1/sessions/", {"patient": str(stranger.pk)}),
        client.post("/api/v1/sessions/", {"patient": str(uuid4())}),
        client.post("/api/v1/sessions/", {"patient": str(make_patient(asha).pk), "appointment": str(uuid4())}),
        client.post("/api/v1/sessions/", {"patient": str(make_patient(asha).pk), "status": "completed"}),
        client.post("/api/v1/sessions/", {"chief_complaint": "Panic"}),
    ]
    named = [list(error_of(answer)["fields"]) for answer in answers]
    assert [answer.status_code for answer in answers] == [400] * 5
    assert named == [["patient"], ["patient"], ["appointment"], ["status"], ["patient"]]
    assert not any(b"CANARY" in answer.content for answer in answers)
    assert not ConsultationSession.objects.exists()


def test_a_key_starts_and_completes_once(api, asha):
    client, wanted = api(asha), {"patient": str(make_patient(asha).pk)}
    answers = [client.post("/api/v1/sessions/", wanted, headers={"Idempotency-Key": "s"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    ends = f"/api/v1/sessions/{answers[0].json()['id']}/complete/"
    done = [client.post(ends, headers={"Idempotency-Key": "c"}) for _ in range(2)]
    assert [answer.status_code for answer in done] == [200, 200]
    assert done[0].json() == done[1].json()
    assert ConsultationSession.objects.count() == 1
    again = client.post(ends)
    assert (again.status_code, error_of(again)["code"]) == (409, "invalid_transition")


def test_a_session_is_paused_and_resumed_and_nothing_else(api, asha):
    session = make_session(asha)
    client = api(asha)
    paused = client.put(address(session), {"status": "paused"})
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    assert client.put(address(session), {"status": "paused"}).json()["paused_at"] == paused.json()["paused_at"]
    assert client.put(address(session), {"status": "in_progress"}).json()["status"] == "in_progress"
    for status in ("completed", "cancelled", "error"):
        refused = client.put(address(session), {"status": status})
        assert refused.status_code == 409
    assert client.put(address(session), {"status": "asleep"}).status_code == 400
    session.refresh_from_db()
    assert session.status == "in_progress"


def test_facts_and_notes_change_while_it_runs_and_notes_afterwards(api, asha):
    session = make_session(asha)
    client = api(asha)
    wanted = {"chief_complaint": "Panic", "session_type": "emergency", "session_notes": "Calm.\r\nSlept."}
    changed = client.patch(address(session), wanted)
    assert {name: changed.json()[name] for name in wanted} == {**wanted, "session_notes": "Calm.\nSlept."}
    whole = client.get(address(session)).json()
    assert client.put(address(session), whole).status_code == 200
    done = client.post(address(session, "complete")).json()
    assert client.put(address(session), {**done, "session_notes": "Slept well."}).status_code == 200
    refused = client.patch(address(session), {"session_type": "followup"})
    assert (refused.status_code, error_of(refused)["code"]) == (409, "session_over")


@pytest.mark.parametrize("name", ["session_id", "patient", "billing_amount", "audio_url", "duration_minutes"])
def test_what_a_client_may_not_write_is_named(api, asha, name):
    response = api(asha).patch(address(make_session(asha)), {name: "1"})
    assert (response.status_code, list(error_of(response)["fields"])) == (400, [name])


def test_cancelling_is_final(api, asha):
    session = make_session(asha)
    client = api(asha)
    assert client.delete(address(session)).status_code == 204
    assert client.get(address(session)).json()["status"] == "cancelled"
    assert client.delete(address(session)).status_code == 409


def test_every_change_changes_the_version(api, asha):
    session = make_session(asha)
    client = api(asha)
    tags = [client.get(address(session))["ETag"]]
    for wanted in ({"chief_complaint": "Panic"}, {"session_notes": "Calm"}, {"status": "paused"}):
        answer = client.patch(address(session), wanted, headers={"If-Match": tags[-1]})
        assert answer.status_code == 200
        assert client.get(address(session))["ETag"] == answer["ETag"]
        tags.append(answer["ETag"])
    assert len(set(tags)) == 4
    late = [
        client.patch(address(session), {"status": "in_progress"}, headers={"If-Match": tags[0]}),
        client.delete(address(session), headers={"If-Match": tags[0]}),
        client.post(address(session, "complete"), headers={"If-Match": tags[0]}),
    ]
    assert [answer.status_code for answer in late] == [412] * 3
    assert client.post(address(session, "complete"), headers={"If-Match": tags[-1]}).status_code == 200


def test_nothing_of_a_session_reaches_the_trail_or_the_log(api, asha, caplog):
    session = make_session(asha, chief_complaint="CANARY")
    client = api(asha)
    client.patch(address(session), {"session_notes": "CANARY", "chief_complaint": "CANARY2", "status": "completed"})
    client.patch(address(session), {"session_notes": "CANARY"})
    told = json.dumps(list(AuditEvent.objects.values("detail", "target_label")))
    assert "CANARY" not in told + caplog.text


def _shared(patient, doctor):
    from patients import services as patients

    patients.grant_access(patient, doctor=doctor, source="shared", by=doctor, at=timezone.now() - timedelta(hours=1))
    return patient

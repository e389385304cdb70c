"""The manners of every address, shown on patients."""

import json

import pytest
from django.utils import timezone

from patients.models import Patient, PatientAccess
from patients.tests.factories import make_patient
from synapse.accounts import tokens
from synapse.api.models import IdempotencyKey
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

NEW = {"first_name": "Kavya", "last_name": "Iyer", "date_of_birth": "1991-05-02", "phone_primary": "+919820012345"}


def error_of(response):
    return response.json()["error"]


def test_a_stranger_is_asked_to_sign_in(client):
    response = client.get("/api/v1/patients/")
    assert response.status_code == 401
    assert error_of(response)["code"] == "not_signed_in"
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_list_has_pages_headers_and_a_trail(api, asha, ben):
    mine = [make_patient(asha) for _ in range(3)]
    make_patient(ben)
    response = api(asha).get("/api/v1/patients/?page_size=2")
    body = response.json()
    assert (body["count"], len(body["results"]), body["previous"]) == (3, 2, None)
    assert "page=2" in body["next"]
    assert response["RateLimit-Limit"] == "600"
    assert int(response["RateLimit-Remaining"]) == 599
    assert response["Cache-Control"] == "no-store"
    assert {row["id"] for row in body["results"]} <= {str(patient.pk) for patient in mine}
    assert AuditEvent.objects.latest("seq").target_id == "list"


def test_a_page_holds_a_hundred_at_most(api, asha):
    assert api(asha).get("/api/v1/patients/?page_size=1000000").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=two",
        "page=9",
        "page_size=x",
        "colour=red",
        "ordering=last_name",
        "fields=password",
        "fields=",
        "last_seen_after=yesterday",
        "last_seen_after=9999-12-31T23:59:59-14:00",
        "updated_after=0001-01-01T00:00:00%2B14:00",
        "archived=maybe",
        "cursor=cj0xJnA9JTAw",
        "cursor=cD0yOTk5LTAxLTAx",
    ],
)
def test_what_a_list_does_not_understand_is_told_by_name(api, asha, query):
    make_patient(asha)
    response = api(asha).get(f"/api/v1/patients/?{query}")
    assert response.status_code == 400
    assert list(error_of(response)["fields"]) == [query.split("=")[0]]


def test_a_walk_by_cursor_meets_everybody_once(api, asha):
    made = {str(make_patient(asha).pk) for _ in range(7)}
    client, address, met = api(asha), "/api/v1/patients/?cursor=&page_size=3", []
    while address:
        body = client.get(address).json()
        met += [row["id"] for row in body["results"]]
        address = body["next"]
    assert len(met) == 7
    assert set(met) == made


def test_sparse_fields_leave_the_rest_encrypted(api, asha, django_assert_num_queries, monkeypatch):
    make_patient(asha, notes="CANARY")
    from synapse.encryption import crypto

    decrypted = []
    decrypt = crypto.decrypt
    monkeypatch.setattr(
        crypto, "decrypt", lambda value, *, label: decrypted.append(label) or decrypt(value, label=label)
    )
    body = api(asha).get("/api/v1/patients/?fields=last_name,age").json()
    assert set(body["results"][0]) == {"id", "last_name", "age"}
    assert {label for label in decrypted if label.startswith("patients.")} == {
        "patients.Patient.last_name",
        "patients.Patient.date_of_birth",
    }


def test_queries_do_not_grow_with_the_page(api, asha, count_queries):
    client = api(asha)
    make_patient(asha)
    few = count_queries(lambda: client.get("/api/v1/patients/"))
    for _ in range(9):
        make_patient(asha)
    assert count_queries(lambda: client.get("/api/v1/patients/")) == few


def test_out_of_scope_is_not_found_and_on_record(api, asha, ben):
    patient = make_patient(ben, last_name="CANARY")
    response = api(asha).get(f"/api/v1/patients/{patient.pk}/")
    assert response.status_code == 404
    assert b"CANARY" not in response.content
    event = AuditEvent.objects.latest("seq")
    assert (event.outcome, event.target_id) == ("denied", str(patient.pk))


def test_reception_reads_no_clinical_field_and_writes_none(api, asha, rita):
    patient = make_patient(asha, allergies="penicillin", notes="CANARY")
    body = api(rita).get(f"/api/v1/patients/{patient.pk}/").json()
    assert body["has_allergies"] is True
    assert not {"allergies", "notes", "medical_history", "current_medications", "tags"} & body.keys()
    response = api(rita).patch(f"/api/v1/patients/{patient.pk}/", {"notes": "mine"})
    assert response.status_code == 400
    assert list(error_of(response)["fields"]) == ["notes"]


def test_what_is_not_the_clients_to_write_is_refused_by_name(api, asha):
    response = api(asha).post("/api/v1/patients/", {**NEW, "created_by": str(asha.pk), "is_admin": True})
    assert response.status_code == 400
    assert set(error_of(response)["fields"]) == {"created_by", "is_admin"}
    assert not Patient.objects.exists()


def test_what_was_read_may_be_sent_back_whole(api, asha):
    patient = make_patient(asha)
    client = api(asha)
    body = client.get(f"/api/v1/patients/{patient.pk}/").json()
    response = client.put(f"/api/v1/patients/{patient.pk}/", {**body, "occupation": "Teacher"})
    assert response.status_code == 200
    assert response.json()["occupation"] == "Teacher"
    assert client.put(f"/api/v1/patients/{patient.pk}/", {**body, "patient_id": "PAT-1"}).status_code == 400


def test_reception_names_the_doctor(api, asha, rita):
    response = api(rita).post("/api/v1/patients/", NEW)
    assert response.status_code == 400
    assert error_of(response)["code"] == "doctor_missing"
    response = api(rita).post("/api/v1/patients/", {**NEW, "doctor": str(asha.pk)})
    assert response.status_code == 201
    assert response.json()["patient_id"].startswith("PAT-")
    assert api(asha).get(f"/api/v1/patients/{response.json()['id']}/").status_code == 200


def test_a_change_on_top_of_another_is_refused_when_the_version_is_named(api, asha):
    patient = make_patient(asha)
    client = api(asha)
    address = f"/api/v1/patients/{patient.pk}/"
    tag = client.get(address)["ETag"]
    first = client.patch(address, {"occupation": "Teacher"}, headers={"If-Match": tag})
    assert first.status_code == 200
    second = client.patch(address, {"occupation": "Pilot"}, headers={"If-Match": tag})
    assert (second.status_code, error_of(second)["code"]) == (412, "changed_meanwhile")
    assert client.patch(address, {"occupation": "Pilot"}, headers={"If-Match": first["ETag"]}).status_code == 200
    assert client.delete(address, headers={"If-Match": tag}).status_code == 412
    assert client.delete(address).status_code == 204
    assert client.get(address).json()["archived_at"]
    assert client.get("/api/v1/patients/").json()["count"] == 0
    assert client.get("/api/v1/patients/?archived=true").json()["count"] == 1


def test_a_key_makes_one_patient_and_repeats_the_answer(api, asha):
    client = api(asha)
    headers = {"Idempotency-Key": "f3b1"}
    first = client.post("/api/v1/patients/", NEW, headers=headers)
    again = client.post("/api/v1/patients/", NEW, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again["ETag"] == first["ETag"]
    assert Patient.objects.count() == 1
    other = client.post("/api/v1/patients/", {**NEW, "first_name": "Meera"}, headers=headers)
    assert (other.status_code, error_of(other)["code"]) == (422, "key_reused")
    assert "Iyer" not in json.dumps(list(IdempotencyKey.objects.values("key_hash", "request_hash", "headers")))


def test_a_narrower_token_is_not_given_the_answer_of_a_wider_one(api, bearer, asha):
    headers = {"Idempotency-Key": "f3b1"}
    assert "notes" in api(asha).post("/api/v1/patients/", NEW, headers=headers).json()
    narrow = bearer(asha, scopes=["read", "write"])
    answer = narrow.post("/api/v1/patients/", NEW, headers=headers)
    assert (answer.status_code, error_of(answer)["code"]) == (422, "key_reused")
    assert Patient.objects.count() == 1


def test_an_answer_is_not_given_again_once_the_patient_is_out_of_scope(api, asha):
    headers = {"Idempotency-Key": "f3b1"}
    api(asha).post("/api/v1/patients/", NEW, headers=headers)
    PatientAccess.objects.update(ended_at=timezone.now())
    answer = api(asha).post("/api/v1/patients/", NEW, headers=headers)
    assert answer.status_code == 404
    assert "Iyer" not in answer.content.decode()


def test_a_key_is_free_again_after_a_refusal(api, asha):
    client = api(asha)
    headers = {"Idempotency-Key": "f3b1"}
    assert client.post("/api/v1/patients/", {**NEW, "phone_primary": "nonsense"}, headers=headers).status_code == 400
    assert client.post("/api/v1/patients/", NEW, headers=headers).status_code == 201


def test_a_search_has_numbered_pages_only(api, asha):
    response = api(asha).post("/api/v1/patients/search/?cursor=", {"query": "Iyer"})
    assert (response.status_code, list(error_of(response)["fields"])) == (400, ["cursor"])


def test_a_search_leaves_no_words_behind(api, asha, caplog):
    patient = make_patient(asha, last_name="Subramaniam")
    body = api(asha).post("/api/v1/patients/search/", {"query": "subraman"}).json()
    assert [row["id"] for row in body["results"]] == [str(patient.pk)]
    assert api(asha).get("/api/v1/patients/?search=subraman").json() == {**body, "next": None, "previous": None}
    assert "subraman" not in json.dumps(list(AuditEvent.objects.values("detail", "target_id"))).lower()
    assert "subraman" not in caplog.text.lower()


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{", "application/json", 400),
        ("[1]", "application/json", 400),
        ('{"first_name": NaN}', "application/json", 400),
        (r'{"first_name": "\ud800"}', "application/json", 400),
        (r'{"\udfff": 1}', "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        ("first_name=K", "application/x-www-form-urlencoded", 415),
        ("<a/>", "text/xml", 415),
    ],
)
def test_an_unreadable_body_is_told(api, asha, body, kind, status):
    response = api(asha).generic("POST", "/api/v1/patients/", body, content_type=kind)
    assert response.status_code == status
    assert error_of(response)["message"]


def test_the_other_methods_and_addresses_speak_json_as_well(api, asha):
    client = api(asha)
    assert error_of(client.post(f"/api/v1/patients/{make_patient(asha).pk}/"))["code"] == "method"
    assert error_of(client.get("/api/v1/nowhere/"))["code"] == "not_found"
    assert error_of(client.get("/api/v1/patients/7/"))["code"] == "not_found"


def test_a_browser_session_needs_the_csrf_token_to_change_something(asha):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(asha)
    assert client.get("/api/v1/patients/").status_code == 200
    refused = client.post("/api/v1/patients/", json.dumps(NEW), content_type="application/json")
    assert refused.status_code == 403


def test_a_token_reads_within_its_scopes(bearer, asha):
    patient = make_patient(asha, notes="CANARY")
    reader = bearer(asha, scopes=["read"])
    body = reader.get(f"/api/v1/patients/{patient.pk}/")
    assert body.status_code == 200
    assert b"CANARY" not in body.content
    refused = reader.post("/api/v1/patients/", NEW)
    assert (refused.status_code, error_of(refused)["code"]) == (403, "scope_missing")
    assert reader.post("/api/v1/patients/search/", {"query": "Iyer"}).status_code == 200
    assert b"CANARY" in bearer(asha, scopes=["read", "clinical"]).get(f"/api/v1/patients/{patient.pk}/").content


def test_a_revoked_token_opens_nothing(bearer, asha, now):
    client = bearer(asha, scopes=["read"])
    tokens.revoke_token(asha.api_tokens.get(), by=asha, at=now)
    response = client.get("/api/v1/patients/")
    assert (response.status_code, error_of(response)["code"]) == (401, "token_invalid")

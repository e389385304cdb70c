"""Answers, shares and the trail of one patient, as programs meet them."""

import pytest

from patients import services
from patients.models import Consent
from patients.tests.factories import make_patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient(asha):
    return make_patient(asha)


@pytest.fixture
def address(patient):
    return f"/api/v1/patients/{patient.pk}"


def test_a_consent_is_recorded_listed_and_taken_back(api, asha, address):
    client = api(asha)
    made = client.post(f"{address}/consents/", {"kind": "recording", "method": "verbal"})
    assert (made.status_code, made.json()["status"]) == (201, "live")
    assert made.json()["recorded_by"] == str(asha.pk)
    assert [row["id"] for row in client.get(f"{address}/consents/?kind=recording").json()["results"]] == [
        made.json()["id"]
    ]
    stale = client.post(f"{address}/consents/{made.json()['id']}/withdraw/", headers={"If-Match": '"0"'})
    assert stale.status_code == 412
    ended = client.post(f"{address}/consents/{made.json()['id']}/withdraw/", headers={"If-Match": made["ETag"]})
    assert (ended.status_code, ended.json()["status"]) == (200, "withdrawn")
    again = client.post(f"{address}/consents/{made.json()['id']}/withdraw/")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "invalid_transition")


def test_a_refusal_is_recorded(api, rita, address):
    made = api(rita).post(f"{address}/consents/", {"kind": "ai_note", "method": "written", "declined": True})
    assert (made.status_code, made.json()["status"], made.json()["given_at"]) == (201, "declined", None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "x", "method": "verbal"}, "kind"),
        ({"kind": "recording"}, "method"),
        ({"kind": "recording", "method": "verbal", "status": "live"}, "status"),
    ],
)
def test_an_answer_that_is_none_is_refused_by_field(api, asha, address, body, field):
    response = api(asha).post(f"{address}/consents/", body)
    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == [field]
    assert not Consent.objects.exists()


@pytest.mark.parametrize("part", ["consents", "shares", "audit"])
def test_nothing_hangs_below_a_patient_out_of_scope(api, ben, address, part):
    assert api(ben).get(f"{address}/{part}/").status_code == 404


def test_a_consent_is_not_found_below_another_patient(api, asha, address):
    other = make_patient(asha)
    made = api(asha).post(f"{address}/consents/", {"kind": "recording", "method": "verbal"}).json()
    assert api(asha).get(f"/api/v1/patients/{other.pk}/consents/{made['id']}/").status_code == 404


def test_a_record_is_shared_and_the_share_is_ended(api, asha, ben, patient, address):
    client = api(asha)
    made = client.post(f"{address}/shares/", {"doctor": str(ben.pk)})
    assert (made.status_code, made.json()["source"]) == (201, "shared")
    assert api(ben).get(f"{address}/").status_code == 200
    assert {row["source"] for row in client.get(f"{address}/shares/").json()["results"]} == {"registered", "shared"}
    assert client.delete(f"{address}/shares/{made.json()['id']}/").status_code == 204
    assert api(ben).get(f"{address}/").status_code == 404
    registered = client.get(f"{address}/shares/").json()["results"][0]
    refused = client.delete(f"{address}/shares/{registered['id']}/")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_a_share")


def test_a_token_opens_to_others_no_more_than_it_reads_itself(bearer, asha, ben, address):
    bookings = bearer(asha, scopes=["read", "write"])

    for refused in (bookings.post(f"{address}/shares/", {"doctor": str(ben.pk)}), bookings.delete(f"{address}/")):
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "scope_missing")
    clinical = bearer(asha, scopes=["write", "clinical"])
    assert clinical.post(f"{address}/shares/", {"doctor": str(ben.pk)}).status_code == 201


def test_reception_shares_nothing(api, rita, ben, address):
    assert api(rita).post(f"{address}/shares/", {"doctor": str(ben.pk)}).status_code == 403
    assert api(rita).get(f"{address}/shares/").status_code == 403


def test_the_trail_tells_a_doctor_what_was_done_and_an_administrator_from_where(
    api, asha, omar, rita, patient, address, now
):
    services.update_patient(patient, {"occupation": "CANARY"}, by=asha, at=now)
    api(rita).get("/api/v1/patients/")
    rows = api(asha).get(f"{address}/audit/").json()["results"]
    assert [(row["action"], row["actor_label"]) for row in rows[:2]] == [("read", "rita"), ("update", "asha")]
    assert rows[1]["detail"] == {"fields": ["occupation"]}
    assert "ip" not in rows[0]
    everything = api(omar).get(f"{address}/audit/?action=update")
    assert everything.json()["count"] == 1
    assert "ip" in everything.json()["results"][0]
    assert b"CANARY" not in everything.content
    assert api(rita).get(f"{address}/audit/").status_code == 403


def test_queries_do_not_grow_with_the_answers(api, asha, address, count_queries):
    client = api(asha)
    client.post(f"{address}/consents/", {"kind": "recording", "method": "verbal"})
    few = count_queries(lambda: client.get(f"{address}/consents/"))
    for _ in range(5):
        client.post(f"{address}/consents/", {"kind": "recording", "method": "verbal"})
    assert count_queries(lambda: client.get(f"{address}/consents/")) == few

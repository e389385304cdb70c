"""Who reads what: roles, scopes of tokens, other people's patients."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from patients.tests.factories import make_patient
from synapse.accounts import tokens
from synapse.fhir.kinds import KINDS
from synapse.fhir.tests.practice import NEVER_SHOWN, canary, make_practice

BASE = "/api/v1/fhir"
EVERYBODY = {"Patient", "Organization", "Practitioner", "Encounter", "Appointment", "Consent", "Invoice"}
# By role: the kinds they read of a patient that is theirs to read.
READS = {"asha": set(KINDS), "omar": set(KINDS), "rita": EVERYBODY, "ben": set()}


@pytest.fixture
def people(asha, ben, rita, omar):
    return {"asha": asha, "ben": ben, "rita": rita, "omar": omar}


@pytest.fixture
def practice(asha, now):
    return make_practice(asha, at=now)


def rows_of(practice):
    return {
        "Patient": practice.patient,
        "Encounter": practice.session,
        "Appointment": practice.visit,
        "Composition": practice.report,
        "DocumentReference": practice.report,
        "Consent": practice.consent,
        "Invoice": practice.bill,
    }


def test_who_reads_which_resources_and_that_no_private_word_comes_out(ask, people, practice):
    patient = practice.patient
    canaries = [canary(model, field) for model, fields in NEVER_SHOWN.items() for field in fields]
    for name, person in people.items():
        said = ""
        for kind, row in rows_of(practice).items():
            read, search = ask(person, f"{kind}/{row.pk}"), ask(person, f"{kind}?_count=100")
            statuses = (read.status_code, search.status_code)
            if kind in READS[name]:
                assert statuses == (200, 200), (name, kind)
                assert str(row.pk) in search.content.decode()
            elif name == "ben":
                assert statuses == (404, 200), kind
                assert search.body["total"] == 0
            else:
                assert statuses == (403, 403), (name, kind)
            said += read.content.decode() + search.content.decode()
        whole = ask(person, f"Patient/{patient.pk}/$everything")
        assert {entry["resource"]["resourceType"] for entry in (whole.body or {}).get("entry", [])} == READS[name]
        said += whole.content.decode() + "".join(
            ask(person, kind).content.decode() for kind in KINDS.keys() - rows_of(practice).keys()
        )

        assert [word for word in canaries if word in said] == [], name
        assert ("Iyer" in said) == ("Visitword" in said) == (name != "ben")
        assert ("Reasonword" in said) == (name == "asha")  # why somebody came is the treating doctor's
        assert ("Penicillin" in said) == (name in {"asha", "omar"})


def test_reception_and_administration_learn_when_a_session_was_and_with_whom_not_why(rita, omar, ask, practice):
    for person in (rita, omar):
        encounter = ask(person, f"Encounter/{practice.session.pk}").body
        assert set(encounter) == {
            "resourceType", "id", "meta", "identifier", "status", "class", "type", "subject", "participant", "period",
            "length", "serviceProvider",
        }  # fmt: skip


def test_an_administrator_reads_a_signed_report_and_takes_no_file_of_it(omar, ask, practice):
    reference = ask(omar, f"DocumentReference/{practice.report.pk}").body

    assert [part["attachment"]["contentType"] for part in reference["content"]] == ["application/fhir+json"]
    assert ask(omar, f"Binary/{practice.report.pk}").status_code == 403


def test_reception_and_strangers_take_no_file_of_a_report(ben, rita, ask, practice):
    assert ask(ben, f"Binary/{practice.report.pk}").status_code == 404
    assert ask(rita, f"Binary/{practice.report.pk}").status_code == 403


def test_a_token_opens_what_its_scopes_name(asha, practice):
    for_all = {"Patient", "Organization", "Practitioner", "Encounter", "Appointment", "Consent"}
    expected = {
        ("read",): for_all,
        ("read", "billing"): for_all | {"Invoice"},
        ("read", "clinical"): set(KINDS) - {"Invoice"},
        ("read", "clinical", "billing"): set(KINDS),
    }
    for scopes, kinds in expected.items():
        client = Client(headers={"Authorization": f"Bearer {token_of(asha, scopes)}"})
        assert {kind for kind in KINDS if client.get(f"{BASE}/{kind}").status_code == 200} == kinds
        whole = client.get(f"{BASE}/Patient/{practice.patient.pk}/$everything").json()
        assert {entry["resource"]["resourceType"] for entry in whole["entry"]} == kinds


def test_a_token_that_may_only_write_reads_nothing_and_one_that_reads_may_post_a_search(asha, practice):
    for scopes, status in ((["write"], 403), (["read"], 200)):
        client = Client(headers={"Authorization": f"Bearer {token_of(asha, scopes)}"})
        form = {"content_type": "application/x-www-form-urlencoded"}
        assert client.get(f"{BASE}/Patient").status_code == status
        assert client.generic("POST", f"{BASE}/Patient/_search", "name=kavya", **form).status_code == status
    assert Client(headers={"Authorization": "Bearer wrong"}).get(f"{BASE}/Patient").status_code == 401


def test_a_colleagues_visit_is_pointed_to_only_by_those_who_see_it(asha, ben, omar, ask, now):
    from patients import services
    from scheduling.tests.factories import make_appointment
    from synapse import workflows

    patient = make_patient(asha)
    visit = make_appointment(asha, patient=patient, scheduled_at=timezone.now() + timedelta(minutes=5))
    session = workflows.start_consultation(patient.pk, visit.pk, by=asha, at=timezone.now())
    services.share_patient(patient, doctor=ben, by=asha, at=now)

    assert ask(asha, f"Encounter/{session.pk}").body["appointment"] == [{"reference": f"Appointment/{visit.pk}"}]
    assert "appointment" not in ask(ben, f"Encounter/{session.pk}").body
    assert ask(ben, f"Appointment/{visit.pk}").status_code == 404
    told = ask(ben, f"Patient/{patient.pk}/$everything").content.decode()
    assert str(visit.pk) not in told


def token_of(user, scopes):
    return tokens.create_token(
        user, name="test", scopes=scopes, lifetime=timedelta(days=1), by=user, at=timezone.now()
    ).secret

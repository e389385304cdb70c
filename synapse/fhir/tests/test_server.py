"""The door: formats, errors, versions, what is recorded, what it says of itself."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.urls import get_resolver

from patients.tests.factories import make_patient
from reports.models import Report
from reports.tests.factories import make_report
from synapse.api import throttles
from synapse.audit.models import AuditEvent, AuditSubject
from synapse.common import triggers
from synapse.fhir.everything import everything_about
from synapse.fhir.kinds import KINDS
from synapse.fhir.search import parameters_of
from synapse.fhir.tests.checking import check

BASE = "/api/v1/fhir"


@pytest.fixture
def patient(asha):
    return make_patient(asha)


def issue_of(answer):
    outcome = answer.json()
    check(outcome)
    assert outcome["resourceType"] == "OperationOutcome"
    assert answer["Content-Type"].startswith("application/fhir+json")
    return outcome["issue"][0]["code"]


def test_an_address_that_is_none_is_answered_and_none_of_its_words_kept(ask, asha):
    for path in ("Patient/%00", "Patient/Kavya%20Iyer", "Patient/kavya", "Kavya", "Patient/x/y"):
        answer = ask(asha, path)
        assert (answer.status_code, answer.body["resourceType"]) == (404, "OperationOutcome"), path

    assert "kavya" not in str(list(AuditEvent.objects.values_list("target_id", "detail"))).lower()


def test_anybody_may_read_what_the_server_can_do_and_nothing_else(db):
    answer = Client().get(f"{BASE}/metadata")

    statement = answer.json()
    assert answer.status_code == 200
    assert statement["fhirVersion"] == "4.0.1"
    check(statement | {"fhirVersion": "4.3.0"})  # R4B asks for its own number
    for path in ("Patient", "Patient/x", "Patient/x/$everything", "Binary/x", "", "Nothing/at/all"):
        closed = Client().get(f"{BASE}/{path}")
        assert closed.status_code == 401, path
        assert issue_of(closed) == "login"
        assert "Bearer" in closed["WWW-Authenticate"]


def test_the_statement_says_what_is_served(asha, patient, ask):
    statement = Client().get(f"{BASE}/metadata").json()

    described = {resource["type"]: resource for resource in statement["rest"][0]["resource"]}
    assert set(described) == {*KINDS, "Binary"}
    routes = {
        pattern.name
        for found in get_resolver().url_patterns
        if getattr(found, "namespace", "") == "fhir"
        for pattern in found.url_patterns
    }
    assert routes == {"metadata", "everything", "binary", "posted_search", "instance", "collection", "nowhere"}
    for name, kind in KINDS.items():
        interactions = {interaction["code"] for interaction in described[name]["interaction"]}
        assert interactions == {"read", "search-type"}
        assert {parameter["name"] for parameter in described[name]["searchParam"]} == set(parameters_of(kind))
        assert ask(asha, name).status_code == 200, name
    assert described["Patient"]["operation"][0]["name"] == "everything"
    assert ask(asha, "Observation").status_code == 404


def test_a_resource_is_read_with_and_without_a_slash_and_has_a_version(asha, patient, ask):
    plain, slashed = (ask(asha, f"Patient/{patient.pk}{end}") for end in ("", "/"))

    assert plain.body == slashed.body
    assert check(plain.body)["id"] == str(patient.pk)
    assert plain["ETag"] == f'W/"{plain.body["meta"]["versionId"]}"'
    assert plain["Last-Modified"].endswith("GMT")
    assert plain["Cache-Control"] == "no-store"
    for held in (plain["ETag"], f'"other", {plain["ETag"]}', "*"):
        same = ask(asha, f"Patient/{patient.pk}", If_None_Match=held)
        assert (same.status_code, same.content) == (304, b"")
    assert ask(asha, f"Patient/{patient.pk}", If_None_Match='W/"other"').status_code == 200


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+json",
        "application/json",
        "*/*",
        "text/html, */*;q=0.1",
        "application/fhir+json; fhirVersion=4.0",
    ],
)
def test_json_is_written_under_each_of_its_names(asha, patient, ask, accept):
    assert ask(asha, f"Patient/{patient.pk}", Accept=accept).status_code == 200


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?_format=xml", {}),
        ("?_format=application/fhir%2Bxml", {}),
        ("", {"Accept": "application/fhir+xml"}),
        ("", {"Accept": "application/fhir+json; fhirVersion=5.0"}),
        ("?_format=", {}),
    ],
)
def test_another_format_is_refused(asha, patient, ask, query, headers):
    answer = ask(asha, f"Patient/{patient.pk}{query}", **headers)

    assert answer.status_code == 406
    assert issue_of(answer) == "not-supported"


def test_the_format_goes_before_what_is_accepted(asha, patient, ask):
    for name in ("json", "application/fhir%2Bjson", "application/fhir+json"):
        assert ask(asha, f"Patient/{patient.pk}?_format={name}", Accept="application/xml").status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("path", ["Patient", "Patient/00000000-0000-0000-0000-000000000000", "", "metadata"])
def test_nothing_is_changed_through_it(asha, signed_in, method, path):
    answer = getattr(signed_in(asha), method)(f"{BASE}/{path}", data="{}", content_type="application/fhir+json")

    assert answer.status_code == 405
    assert issue_of(answer) == "not-supported"


@pytest.mark.parametrize(
    ("path", "status", "issue"),
    [
        ("Patient/00000000-0000-0000-0000-000000000000", 404, "not-found"),
        ("Patient/abc", 404, "not-found"),
        ("Patient/00000000-0000-0000-0000-000000000000/$everything", 404, "not-found"),
        ("Observation/1", 404, "not-supported"),
        ("Patient/1/_history", 404, "not-supported"),
        ("Patient?nonsense=1", 400, "not-supported"),
        ("Patient?_count=many", 400, "value"),
    ],
)
def test_errors_are_operation_outcomes(asha, ask, path, status, issue):
    answer = ask(asha, path)

    assert answer.status_code == status
    assert issue_of(answer) == issue


def test_too_many_requests_are_told_so(asha, ask, monkeypatch):
    monkeypatch.setattr(throttles, "PER_USER", 1)
    ask(asha, "Practitioner")

    answer = ask(asha, "Practitioner")

    assert answer.status_code == 429
    assert issue_of(answer) == "throttled"
    assert int(answer["Retry-After"]) > 0


def test_the_pdf_a_document_names_is_there(asha, ask):
    report = make_report(asha, status="signed")
    reference = ask(asha, f"DocumentReference/{report.pk}").body
    attachments = {part["attachment"]["contentType"]: part["attachment"]["url"] for part in reference["content"]}

    pdf = ask(asha, attachments["application/pdf"].partition(f"{BASE}/")[2], Accept="application/pdf")
    assert pdf["Content-Type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")
    event = AuditEvent.objects.filter(action="export").latest("seq")
    assert (event.target_id, event.patient_id) == (str(report.pk), report.session.patient_id)

    wrapped = ask(asha, f"Binary/{report.pk}", Accept="application/fhir+json").body
    assert check(wrapped)["contentType"] == "application/pdf"
    composition = ask(asha, attachments["application/fhir+json"].partition(f"{BASE}/")[2])
    assert composition.body["resourceType"] == "Composition"


def test_a_draft_is_nowhere(asha, ask):
    draft = make_report(asha)

    for kind in ("Composition", "DocumentReference", "Binary"):
        assert ask(asha, f"{kind}/{draft.pk}").status_code == 404
    assert ask(asha, "Composition").body["total"] == 0


def test_a_report_changed_after_signing_is_left_out_and_that_is_told(asha, ask, now):
    report = make_report(asha, status="signed")
    with triggers.lifted(connection):
        Report.objects.filter(pk=report.pk).update(generated_content="Something else.")

    assert ask(asha, f"Composition/{report.pk}").status_code == 409
    bundle = ask(asha, "Composition").body
    assert [entry["search"]["mode"] for entry in bundle["entry"]] == ["outcome"]
    check(bundle["entry"][0]["resource"])
    last = list(everything_about(report.session.patient, by=asha, at=now))[-1]
    assert last["resourceType"] == "OperationOutcome"
    assert AuditEvent.objects.filter(detail__reason="seal_broken").count() == 3


def test_an_amended_report_is_superseded_by_the_next(asha, ask, now):
    from reports import services
    from reports.tests.factories import reloaded, settle, sign

    first = make_report(asha, status="signed")
    second = sign(settle(reloaded(services.amend_report(first, reason="Dose.", by=asha, at=now)), by=asha), by=asha)

    old, new = (ask(asha, f"DocumentReference/{report.pk}").body for report in (first, second))
    assert (old["status"], old["docStatus"]) == ("superseded", "final")
    assert (new["status"], new["docStatus"]) == ("current", "amended")
    assert new["relatesTo"] == [{"code": "replaces", "target": {"reference": f"DocumentReference/{first.pk}"}}]
    told = ask(asha, f"Composition/{first.pk}").body
    assert "by version 2" in told["text"]["div"]
    assert told["meta"]["lastUpdated"] >= Report.objects.get(pk=second.pk).signed_at.isoformat()[:19]


def test_every_read_is_recorded(asha, ben, patient, ask):
    ask(asha, f"Patient/{patient.pk}")
    read = AuditEvent.objects.latest("seq")
    assert (read.action, read.patient_id, read.actor_id) == ("read", patient.pk, asha.pk)

    ask(asha, "Patient?name=kavya")
    search = AuditEvent.objects.latest("seq")
    assert set(AuditSubject.objects.filter(event_seq=search.seq).values_list("patient_id", flat=True)) == {patient.pk}
    assert "kavya" not in json.dumps(search.detail).lower()

    ask(asha, f"Patient/{patient.pk}/$everything")
    export = AuditEvent.objects.latest("seq")
    assert (export.action, export.patient_id) == ("export", patient.pk)

    assert ask(ben, f"Patient/{patient.pk}").status_code == 404
    denied = AuditEvent.objects.latest("seq")
    assert (denied.outcome, denied.actor_id, denied.target_id) == ("denied", ben.pk, str(patient.pk))


def test_nothing_is_recorded_of_what_is_about_nobody(asha, ask):
    before = AuditEvent.objects.count()

    ask(asha, "Practitioner")
    ask(asha, f"Practitioner/{asha.pk}")

    assert AuditEvent.objects.count() == before

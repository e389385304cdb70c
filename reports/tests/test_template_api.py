"""Report templates for programs."""

import pytest
from django.utils import timezone

from reports import services
from reports.models import ReportTemplate
from reports.tests.factories import clinic_template, make_report, make_written_session
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db
TEMPLATES = "/api/v1/templates/"
STRUCTURE = {
    "sections": [
        {"id": "course", "title": "Course", "required": True, "type": "text"},
        {
            "id": "plan",
            "title": "Plan",
            "type": "structured",
            "subsections": [{"id": "medications", "title": "Medications"}],
        },
    ]
}
NEW = {"name": "Short follow-up", "structure": STRUCTURE}


def address(template):
    return f"{TEMPLATES}{template.pk if hasattr(template, 'pk') else template}/"


def error_of(response):
    return response.json()["error"]


def make_template(by, **fields):
    return services.create_template(**{**NEW, **fields}, by=by, at=timezone.now())


def test_a_template_has_the_fields_of_the_contract(api, asha):
    body = api(asha).get(address(clinic_template("soap"))).json()
    assert {
        *("slug", "name", "description", "doctor", "structure", "ai_prompt", "is_default", "is_active", "is_public"),
        *("usage_count", "last_used_at", "version", "parent"),
    } <= body.keys()
    assert (body["slug"], body["doctor"], body["is_public"], body["parent"]) == ("soap", None, True, None)


def test_a_doctor_lists_own_public_and_shipped_ones(api, asha, ben):
    mine, private = make_template(asha), make_template(ben, name="Private")
    shared = make_template(ben, name="Shared", is_public=True)
    client = api(asha)

    rows = client.get(f"{TEMPLATES}?page_size=100").json()["results"]

    found = {row["id"] for row in rows}
    assert {str(mine.pk), str(shared.pk), str(clinic_template("soap").pk)} <= found
    assert str(private.pk) not in found
    assert client.get(address(private)).status_code == 404
    assert client.patch(address(private), {"name": "Mine"}).status_code == 404
    assert [row["id"] for row in client.get(f"{TEMPLATES}?doctor={asha.pk}").json()["results"]] == [str(mine.pk)]
    assert client.get(f"{TEMPLATES}?slug=soap&is_public=true").json()["count"] == 1


def test_queries_do_not_grow_with_the_page(api, asha, count_queries):
    client = api(asha)
    client.get(TEMPLATES)  # the first one fills caches
    few = count_queries(lambda: client.get(f"{TEMPLATES}?page_size=2"))
    assert count_queries(lambda: client.get(f"{TEMPLATES}?page_size=10&ordering=-usage_count")) == few


def test_a_doctors_template_is_made_once(api, asha):
    headers = {"Idempotency-Key": "template-1"}
    first = api(asha).post(TEMPLATES, {**NEW, "slug": "short_followup", "is_default": True}, headers=headers)
    again = api(asha).post(TEMPLATES, {**NEW, "slug": "short_followup", "is_default": True}, headers=headers)

    body = first.json()
    assert (first.status_code, again.json()) == (201, body)
    assert (body["slug"], body["doctor"], body["version"]) == ("short_followup", str(asha.pk), 1)
    assert (body["is_default"], body["is_public"], body["structure"]) == (True, False, STRUCTURE)
    taken = api(asha).post(TEMPLATES, {**NEW, "slug": "short_followup"})
    assert (taken.status_code, list(error_of(taken)["fields"])) == (400, ["slug"])
    assert ReportTemplate.objects.filter(doctor=asha).count() == 1


def test_a_new_one_may_wait_switched_off_but_not_as_the_default(api, asha):
    made = [
        api(asha).post(TEMPLATES, {**NEW, "is_active": is_active}).json()["is_active"] for is_active in (True, False)
    ]
    refused = api(asha).post(TEMPLATES, {**NEW, "is_active": False, "is_default": True})

    assert made == [True, False]
    assert (refused.status_code, ReportTemplate.objects.filter(doctor=asha).count()) == (409, 2)


def test_a_public_one_is_copied_with_what_the_copy_has_of_its_own(api, asha):
    parent = clinic_template("soap")
    body = api(asha).post(TEMPLATES, {"parent": str(parent.pk), "name": "My SOAP", "is_public": True}).json()
    assert (body["parent"], body["doctor"], body["name"]) == (str(parent.pk), str(asha.pk), "My SOAP")
    assert (body["structure"], body["is_public"], body["slug"]) == (parent.structure, True, "soap")


def test_without_a_parent_name_and_structure_are_needed(api, asha, ben):
    response = api(asha).post(TEMPLATES, {})
    assert set(error_of(response)["fields"]) == {"name", "structure"}
    response = api(asha).post(TEMPLATES, {"parent": str(make_template(ben).pk)})
    assert list(error_of(response)["fields"]) == ["parent"]


@pytest.mark.parametrize(
    ("structure", "words"),
    [
        ({}, "list named sections"),
        ([], "list named sections"),
        ("text", "list named sections"),
        ({"sections": []}, "at least one section"),
        ({"sections": [{"id": "a", "title": "A"}, {"id": "a", "title": "B"}]}, "Section 2: the id a is used twice"),
        ({"sections": [{"id": "A b", "title": "A"}]}, "Section 1: the id"),
        ({"sections": [{"id": "a\n", "title": "A"}]}, "Section 1: the id"),
        ({"sections": [{"id": "a", "title": "A\0"}]}, "Section 1: title has a character"),
        ({"sections": [{"id": "a", "title": "A", "colour": 1}]}, "Section 1 has unknown keys: colour"),
        ({"sections": [{"id": "a", "title": "A", "instructions": "{{secret}}"}]}, "secret"),
        (
            {"sections": [{"id": "a", "title": "A", "type": "structured", "subsections": [{"id": "b"}]}]},
            "Section 1, subsection 1 has no title",
        ),
    ],
)
def test_what_is_wrong_with_a_structure_is_said_at_its_place(api, asha, structure, words):
    response = api(asha).post(TEMPLATES, {"name": "x", "structure": structure})
    assert (response.status_code, list(error_of(response)["fields"])) == (400, ["structure"])
    assert words in " ".join(error_of(response)["fields"]["structure"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("ai_prompt", "{{secret}}"),
        ("slug", "a b"),
        ("is_public", "perhaps"),
        ("doctor", "5a1d8f3e-7f7b-4e0e-9d7b-0c3d5c1e2f4a"),
        ("version", 7),
        ("colour", "red"),
    ],
)
def test_what_cannot_be_taken_is_named(api, asha, field, value):
    response = api(asha).post(TEMPLATES, NEW | {field: value})
    assert (response.status_code, list(error_of(response)["fields"])) == (400, [field])


def test_changed_content_is_the_next_version(api, asha):
    template = make_template(asha)
    client = api(asha)
    tag = client.get(address(template))["ETag"]

    first = client.patch(address(template), {"name": "Shorter"}, headers={"If-Match": tag})

    body = first.json()
    assert (first.status_code, body["name"], body["version"], body["structure"]) == (200, "Shorter", 2, STRUCTURE)
    late = client.put(address(template), {"name": "Other"}, headers={"If-Match": tag})
    assert late.status_code == 412
    assert client.put(address(template), {**body, "is_public": True}).json()["version"] == 2
    assert client.put(address(template), {"slug": "other"}).status_code == 400
    assert template.versions.count() == 2


def test_the_version_changes_with_each_use_and_with_another_default(api, asha):
    template = make_template(asha, is_default=True)
    client = api(asha)
    tags = [client.get(address(template))["ETag"]]
    make_report(asha, session=make_written_session(asha), template=template)
    tags.append(client.get(address(template))["ETag"])
    client.post(TEMPLATES, {**NEW, "is_default": True})
    after = client.get(address(template))
    assert after.json()["is_default"] is False
    assert len({*tags, after["ETag"]}) == 3


def test_a_template_is_switched_off_and_on(api, asha):
    template = make_template(asha)
    client = api(asha)
    assert client.delete(address(template), headers={"If-Match": '"other"'}).status_code == 412
    assert client.delete(address(template)).status_code == 204
    assert client.get(address(template)).json()["is_active"] is False
    assert str(template.pk) not in client.get(f"{TEMPLATES}?page_size=100").content.decode()
    assert client.get(f"{TEMPLATES}?is_active=false").json()["count"] == 1
    assert client.patch(address(template), {"is_active": True}).json()["is_active"] is True


def test_new_reports_always_have_a_template(api, asha):
    template = make_template(asha, is_default=True)
    client = api(asha)
    assert client.delete(address(template)).status_code == 409
    response = client.patch(address(template), {"is_default": False, "name": "Other"})
    assert (response.status_code, error_of(response)["code"]) == (409, "default_template")
    template.refresh_from_db()
    assert (template.is_active, template.name) == (True, "Short follow-up")


def test_what_belongs_to_others_is_read_only(api, asha, ben):
    shared = make_template(ben, is_public=True)
    client = api(asha)
    for template in (shared, clinic_template("soap")):
        assert client.get(address(template)).status_code == 200
        assert client.patch(address(template), {"name": "Mine"}).status_code == 403
        assert client.delete(address(template)).status_code == 403
    assert AuditEvent.objects.latest("seq").outcome == "denied"


def test_administration_keeps_the_clinics_and_sees_no_doctors(api, asha, omar):
    theirs = make_template(asha, is_public=True)
    client = api(omar)
    assert client.get(address(theirs)).status_code == 404
    made = client.post(TEMPLATES, NEW).json()
    assert (made["doctor"], made["is_public"]) == (None, True)
    assert client.patch(address(made["id"]), {"description": "For all"}).json()["version"] == 2
    private = client.patch(address(made["id"]), {"is_public": False})
    assert (private.status_code, error_of(private)["code"]) == (409, "clinic_template")
    assert client.delete(address(made["id"])).status_code == 204
    assert api(asha).get(TEMPLATES).status_code == 200


def test_reception_and_tokens_without_the_scope_see_none(api, bearer, asha, rita):
    template = clinic_template("soap")
    for client, code in ((api(rita), "not_allowed"), (bearer(asha, scopes=["read", "write"]), "scope_missing")):
        for response in (
            client.get(TEMPLATES),
            client.post(TEMPLATES, NEW),
            client.get(address(template)),
            client.patch(address(template), {"name": "x"}),
            client.delete(address(template)),
        ):
            assert (response.status_code, error_of(response)["code"]) == (403, code)

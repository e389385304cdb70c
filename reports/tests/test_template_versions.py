"""Versions and sources of a template: compared, restored, taken over, exported and imported through the doors."""

import copy
import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from reports import services
from reports.models import ReportTemplate
from reports.shipped import load_shipped
from reports.templating import origin, seeding
from reports.templating.origin import changed_origin, content_of
from reports.tests.factories import clinic_template, make_report
from synapse.common.errors import NotAllowed

pytestmark = pytest.mark.django_db


def address(name, template, *more):
    return reverse(f"report_templates:{name}", args=[template.pk, *more])


def change(template, *, by, at, **changes):
    values = {**content_of(template), "is_public": template.is_public, **changes}
    return services.save_template(template, **values, by=by, at=at)


def titled(template):
    return [section["title"] for section in template.structure["sections"]]


def with_sections(template, edit):
    structure = copy.deepcopy(template.structure)
    edit(structure["sections"])
    return structure


@pytest.fixture
def public(asha, now):
    """A template Asha shares with the clinic."""
    made = services.copy_template(clinic_template("soap"), by=asha, at=now)
    return change(made, by=asha, at=now, is_public=True, name="Shared SOAP")


@pytest.fixture
def fork(ben, public, now):
    return services.copy_template(public, by=ben, at=now)


def add_driving(sections):
    sections.insert(1, {"id": "driving", "title": "Driving", "type": "text"})
    sections[0]["required"] = False
    del sections[2]


def test_two_versions_are_compared_and_an_old_one_restored(asha, ben, signed_in, public, now):
    make_report(asha, template=public)
    change(public, by=asha, at=now + timedelta(days=1), structure=with_sections(public, add_driving))
    client = signed_in(asha)

    newest = client.get(address("versions", public)).content.decode()
    whole = client.get(address("versions", public), {"before": 1, "after": 3}).content.decode()
    odd = client.get(address("versions", public), {"before": "x", "after": 99})

    assert "What changes from version 2 to 3" in newest
    assert "1 report was written with version 2. It does not change." in newest
    assert "Driving" in newest
    assert "Left out" in newest
    assert "<del>Yes</del> <ins>No</ins>" in newest
    assert "<ins>Shared</ins>" in whole
    assert odd.status_code == 200
    assert client.post(address("restore", public, 2)).status_code == 302
    public.refresh_from_db()
    assert (public.version, titled(public)) == (4, ["Subjective", "Objective", "Assessment", "Plan"])
    assert client.post(address("restore", public, 9)).status_code == 404
    assert client.get(address("restore", public, 1)).status_code == 405
    other = signed_in(ben)
    assert other.get(address("versions", public)).status_code == 200
    assert other.post(address("restore", public, 1)).status_code == 403


def test_a_copy_says_that_its_parent_changed_until_that_is_settled(asha, ben, signed_in, public, fork, now):
    client = signed_in(ben)
    assert changed_origin(fork, ben) is None
    assert client.get(address("origin", fork)).status_code == 404
    change(public, by=asha, at=now, structure=with_sections(public, add_driving))

    notice = client.get(address("detail", fork)).content.decode()
    page = client.get(address("origin", fork)).content.decode()

    assert "The template it comes from has changed" in notice
    assert "What changed in “Shared SOAP” since yours was made" in page
    assert page.count('name="section"') == 3
    kept = client.post(address("origin", fork), {"choice": "keep"})
    assert kept.url == address("detail", fork)
    fork.refresh_from_db()
    assert (fork.version, fork.parent_version, titled(fork)) == (1, 3, titled(clinic_template("soap")))
    assert "has changed" not in client.get(address("detail", fork)).content.decode()


def test_all_changes_are_taken_over_beside_ones_own(asha, ben, public, fork, now):
    fork = change(fork, by=ben, at=now, structure=with_sections(fork, lambda rows: rows[3].update(title="My plan")))
    change(public, by=asha, at=now, structure=with_sections(public, add_driving), ai_prompt="Write client.")

    taken = services.take_over_changes(fork, None, by=ben, at=now)

    assert titled(taken) == ["Subjective", "Driving", "Assessment", "My plan"]
    assert (taken.ai_prompt, taken.name, taken.version, taken.parent_version) == ("Write client.", "Shared SOAP", 3, 3)
    assert taken.versions.count() == 3
    with pytest.raises(services.OriginUnchanged):
        services.take_over_changes(taken, None, by=ben, at=now)


def test_single_sections_are_taken_over_and_nothing_ticked_is_said(asha, ben, signed_in, public, fork, now):
    change(public, by=asha, at=now, structure=with_sections(public, add_driving))
    client = signed_in(ben)

    nothing = client.post(address("origin", fork), {"choice": "chosen"})
    client.post(address("origin", fork), {"choice": "chosen", "section": ["driving", "not_there"]})

    assert nothing.status_code == 422
    assert "Tick the changes you want" in nothing.content.decode()
    fork.refresh_from_db()
    assert titled(fork) == ["Subjective", "Driving", "Objective", "Assessment", "Plan"]
    assert fork.structure["sections"][0]["required"] is True


def test_what_cannot_be_put_together_is_refused_and_changes_nothing(asha, ben, signed_in, public, fork, now):
    part = {"id": "driving", "title": "Driving"}
    fork = change(
        fork,
        by=ben,
        at=now,
        structure=with_sections(fork, lambda rows: rows[3].update(type="structured", subsections=[part])),
    )
    change(public, by=asha, at=now, structure=with_sections(public, add_driving))

    answer = signed_in(ben).post(address("origin", fork), {"choice": "all"})

    assert answer.status_code == 422
    assert "the id driving is used twice" in answer.content.decode()
    fork.refresh_from_db()
    assert (fork.version, fork.parent_version) == (2, 2)


def test_a_parent_that_is_private_again_is_not_looked_into(asha, ben, rita, omar, signed_in, public, fork, now):
    change(public, by=asha, at=now, structure=with_sections(public, add_driving), is_public=False)

    assert changed_origin(fork, ben) is None
    assert signed_in(ben).get(address("origin", fork)).status_code == 404
    with pytest.raises(NotAllowed):
        services.take_over_changes(fork, None, by=omar, at=now)
    assert signed_in(omar).get(address("origin", fork)).status_code == 404
    assert signed_in(rita).get(address("origin", fork)).status_code == 403


def test_the_clinic_sees_what_a_release_changes_in_a_template_of_its_own(omar, signed_in, now, monkeypatch):
    soap = change(clinic_template("soap"), by=omar, at=now, name="Our SOAP")
    shipped = copy.deepcopy(load_shipped())
    add_driving(shipped["soap"]["structure"]["sections"])
    for module in (seeding, origin):
        monkeypatch.setattr(module, "load_shipped", lambda: shipped)
    seeding.install_shipped_templates(using="default")
    client = signed_in(omar)

    page = client.get(address("origin", soap)).content.decode()
    client.post(address("origin", soap), {"choice": "all"})

    assert "What this release changes in “SOAP note”" in page
    soap.refresh_from_db()
    assert (soap.name, soap.version) == ("Our SOAP", 3)
    assert titled(soap)[1] == "Driving"
    assert changed_origin(soap, omar) is None


def test_a_template_leaves_as_a_file_and_comes_in_elsewhere(asha, ben, signed_in, public):
    exported = signed_in(asha).get(address("export", public))

    assert exported["Content-Disposition"] == f'attachment; filename="template-{str(public.pk)[:8]}-v2.json"'
    file = SimpleUploadedFile("whatever.json", exported.content)
    answer = signed_in(ben).post(reverse("report_templates:create_from_file"), {"import-file": file})
    made = ReportTemplate.objects.get(doctor=ben)
    assert answer.url == address("edit", made)
    assert (made.name, made.version, made.is_public) == ("Shared SOAP", 1, False)
    assert titled(made) == titled(public)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[1]", "has to begin with {"),
        (b"{" + b" " * 300_000 + b"}", "larger than 256 KB"),
        (json.dumps({"format": "synapse-report-template", "format_version": 1, "structure": {}}).encode(), "sections"),
    ],
)
def test_a_file_that_is_no_template_is_refused_beside_the_field(asha, signed_in, content, words):
    file = SimpleUploadedFile("x.json", content)

    answer = signed_in(asha).post(reverse("report_templates:create_from_file"), {"import-file": file})

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ReportTemplate.objects.filter(doctor=asha).exists()


def test_an_example_and_a_description_become_templates_and_the_text_stays_nowhere(asha, rita, signed_in, caplog):
    client = signed_in(asha)
    note = "SUBJECTIVE\nKavya slept badly.\nPLAN\n- sertraline\n- diary"

    client.post(reverse("report_templates:create_from_example"), {"example-name": "My note", "example-text": note})
    client.post(
        reverse("report_templates:create_from_description"), {"words-text": "a DBT note with diary card, skills"}
    )
    refused = client.post(
        reverse("report_templates:create_from_example"), {"example-name": "Other", "example-text": "no headings here"}
    )

    mine = {template.name: template for template in ReportTemplate.objects.filter(doctor=asha)}
    assert titled(mine["My note"]) == ["Subjective", "Plan"]
    assert titled(mine["DBT note"]) == ["Diary card", "Skills"]
    assert "Kavya" not in json.dumps(content_of(mine["My note"]))
    assert "Kavya" not in caplog.text
    assert refused.status_code == 422
    assert "No headings were found" in refused.content.decode()
    for name in ("create", "create_from_example", "create_from_description", "create_from_file"):
        assert signed_in(rita).post(reverse(f"report_templates:{name}")).status_code == 403
    assert signed_in(asha).get(reverse("report_templates:create_from_example")).status_code == 405


def test_an_empty_template_opens_in_the_editor(asha, signed_in):
    client = signed_in(asha)

    assert "From a note you wrote" in client.get(reverse("report_templates:create")).content.decode()
    answer = client.post(reverse("report_templates:create"))

    assert answer.url == address("edit", ReportTemplate.objects.get(doctor=asha))

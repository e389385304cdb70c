"""Templates: whose they are, how they change, what reports keep of them."""

import copy
import importlib
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.urls import reverse

from reports import services
from reports.models import ReportTemplate, TemplateVersion
from reports.shipped import load_shipped
from reports.templating import seeding
from reports.templating.entries import MENTAL_STATUS, RISK
from reports.templating.seeding import install_shipped_templates
from reports.templating.structure import StructureError, leaves, parse_structure
from reports.tests.factories import clinic_template, make_report, make_written_session, reloaded
from synapse.common.errors import Conflict, NotAllowed

pytestmark = pytest.mark.django_db


def save(template, *, by, at, **changes):
    fields = ("name", "description", "structure", "ai_prompt", "is_public")
    values = {name: getattr(template, name) for name in fields}
    return services.save_template(template, **{**values, **changes}, by=by, at=at)


def address(name, template):
    return reverse(f"report_templates:{name}", args=[template.pk])


def test_a_copy_is_the_doctors_own(asha, now):
    public = clinic_template()

    mine = services.copy_template(public, by=asha, at=now)

    assert (mine.doctor, mine.parent, mine.parent_version, mine.version) == (asha, public, 1, 1)
    assert mine.structure == public.structure
    assert not mine.is_public
    assert not mine.is_default


def test_a_second_copy_gets_a_slug_of_its_own(asha, now):
    first = services.copy_template(clinic_template(), by=asha, at=now)
    second = services.copy_template(clinic_template(), by=asha, at=now)

    assert (first.slug, second.slug) == ("psychiatry_followup", "psychiatry_followup_2")


def test_saving_changed_content_makes_the_next_version_and_reports_keep_theirs(asha, now):
    mine = services.copy_template(clinic_template(), by=asha, at=now)
    report = make_report(asha, template=mine)

    saved = save(mine, name="Mine", structure={"sections": mine.structure["sections"][:2]}, by=asha, at=now)

    assert saved.version == 2
    kept = reloaded(report)
    assert (kept.template_version, kept.title) == (1, "Psychiatric follow-up")
    assert len(kept.structured_data) > 2


def test_saving_nothing_new_makes_no_version(asha, now):
    mine = services.copy_template(clinic_template(), by=asha, at=now)

    assert save(mine, by=asha, at=now).version == 1


def test_a_template_saved_elsewhere_is_not_overwritten(asha, now):
    mine = services.copy_template(clinic_template(), by=asha, at=now)
    save(mine, name="First", by=asha, at=now)

    with pytest.raises(services.templates.StaleTemplate):
        save(mine, name="Second", version=1, by=asha, at=now)


@pytest.mark.parametrize(
    "structure",
    [{}, {"sections": []}, {"sections": [{"id": "A b", "title": "x"}]}, {"sections": [{"id": "a", "title": ""}]}],
)
def test_a_structure_that_cannot_be_used_is_refused(asha, now, structure):
    mine = services.copy_template(clinic_template(), by=asha, at=now)

    with pytest.raises(StructureError):
        save(mine, structure=structure, by=asha, at=now)
    with pytest.raises(StructureError):
        services.create_template(name="x", structure=structure, by=asha, at=now)


def test_doctors_change_their_own_and_administrators_the_clinics(asha, ben, omar, rita, now):
    mine = services.copy_template(clinic_template(), by=asha, at=now)

    assert save(mine, name="Mine", by=asha, at=now).name == "Mine"
    assert save(clinic_template(), name="Ours", by=omar, at=now).name == "Ours"
    for template, person in ((mine, ben), (mine, omar), (clinic_template(), asha), (clinic_template(), rita)):
        with pytest.raises(NotAllowed):
            save(template, name="Not mine", by=person, at=now)


def test_a_doctor_has_one_default(asha, now):
    first = services.set_default_template(services.copy_template(clinic_template(), by=asha, at=now), by=asha, at=now)
    second = services.set_default_template(
        services.copy_template(clinic_template("soap"), by=asha, at=now), by=asha, at=now
    )

    first.refresh_from_db()
    assert (first.is_default, second.is_default) == (False, True)


def test_choosing_the_clinics_template_makes_a_copy_the_default(asha, now):
    public = clinic_template("soap")

    chosen = services.set_default_template(public, by=asha, at=now)

    assert (chosen.doctor, chosen.parent) == (asha, public)
    public.refresh_from_db()
    assert not public.is_default


def test_the_administrator_chooses_the_clinics_default(asha, omar, now):
    services.set_default_template(clinic_template("soap"), by=omar, at=now)

    report = make_report(asha, session=make_written_session(asha), template=None, status="pending")

    assert ReportTemplate.objects.get(doctor=None, is_default=True).slug == "soap"
    assert report.template.slug == "psychiatry_followup"


def test_the_default_is_not_switched_off(omar, now):
    with pytest.raises(Conflict):
        services.retire_template(clinic_template("general"), is_active=False, by=omar, at=now)


def test_a_shared_template_is_seen_and_copied_by_colleagues(asha, ben, now):
    mine = services.copy_template(clinic_template(), by=asha, at=now)
    assert mine not in ReportTemplate.objects.visible_to(ben)

    save(mine, is_public=True, by=asha, at=now)

    assert mine in ReportTemplate.objects.visible_to(ben)


def test_installing_twice_adds_nothing_and_overwrites_nothing(omar, now):
    save(clinic_template("soap"), name="Our SOAP", by=omar, at=now)
    before = ReportTemplate.objects.count()

    install_shipped_templates(using="default")

    assert ReportTemplate.objects.count() == before
    assert clinic_template("soap").name == "Our SOAP"


def test_the_list_names_own_and_public_templates(asha, signed_in, now):
    services.copy_template(clinic_template(), by=asha, at=now)

    page = signed_in(asha).get(reverse("report_templates:list")).content.decode()

    assert "Yours" in page
    assert "General consultation" in page
    assert "For new reports" in page


def test_a_template_is_shown_as_an_empty_report(asha, signed_in):
    client = signed_in(asha)

    default = client.get(address("detail", clinic_template("general"))).content.decode()
    other = client.get(address("detail", clinic_template("soap"))).content.decode()

    assert "Chief Complaint" in default
    assert "Vital Signs" in default
    assert "Use a copy for new reports" not in default
    assert "Use a copy for new reports" in other


def test_a_private_template_is_not_found_by_others(asha, ben, omar, signed_in, now):
    mine = services.copy_template(clinic_template(), by=asha, at=now)

    for person in (ben, omar):
        client = signed_in(person)
        assert client.get(address("detail", mine)).status_code == 404
        assert client.post(address("copy", mine)).status_code == 404


def test_the_clinics_template_is_not_changed_by_a_doctor(asha, signed_in):
    client = signed_in(asha)

    assert client.get(address("edit", clinic_template())).status_code == 403
    assert client.post(address("set_active", clinic_template())).status_code == 403


def test_the_default_is_chosen_with_one_press(asha, signed_in):
    signed_in(asha).post(address("set_default", clinic_template("dap")))

    assert ReportTemplate.objects.get(doctor=asha, is_default=True).slug == "dap"


def versions(template):
    return list(template.versions.order_by("version").values_list("version", "name", "saved_by"))


def test_every_save_keeps_a_version_and_an_old_one_comes_back_as_a_new_one(asha, ben, now):
    mine = services.copy_template(clinic_template(), by=asha, at=now)
    save(mine, name="Second", by=asha, at=now)

    restored = services.restore_version(mine, 1, by=asha, at=now)

    name = "Psychiatric follow-up"
    assert versions(mine) == [(1, name, asha.pk), (2, "Second", asha.pk), (3, name, asha.pk)]
    assert (restored.version, restored.name) == (3, name)
    with pytest.raises(NotAllowed):
        services.restore_version(mine, 2, by=ben, at=now)


def test_templates_from_before_versions_get_their_row_and_copies_their_parents_version(asha, now):
    mine = services.copy_template(clinic_template(), by=asha, at=now)
    TemplateVersion.objects.all().delete()
    ReportTemplate.objects.filter(pk=mine.pk).update(parent_version=None)
    migration = importlib.import_module("reports.migrations.0004_template_version_rows")

    migration.write_rows(apps, SimpleNamespace(connection=connection))
    migration.write_rows(apps, SimpleNamespace(connection=connection))

    assert TemplateVersion.objects.count() == ReportTemplate.objects.count()
    assert versions(mine) == [(1, "Psychiatric follow-up", asha.pk)]
    mine.refresh_from_db()
    assert mine.parent_version == 1


@pytest.fixture
def new_release(monkeypatch):
    """A release whose SOAP note says something else."""
    shipped = copy.deepcopy(load_shipped())
    shipped["soap"]["description"] = "As the new release words it."
    monkeypatch.setattr(seeding, "load_shipped", lambda: shipped)
    return shipped


@pytest.mark.parametrize("is_older_than_digests", [False, True])
def test_a_new_release_renews_what_the_clinic_never_changed_once(new_release, is_older_than_digests):
    if is_older_than_digests:
        ReportTemplate.objects.update(shipped_digest="")

    install_shipped_templates(using="default")
    install_shipped_templates(using="default")

    soap = clinic_template("soap")
    assert (soap.version, soap.description) == (2, "As the new release words it.")
    assert versions(soap) == [(1, "SOAP note", None), (2, "SOAP note", None)]
    assert clinic_template("dap").version == 1


@pytest.mark.parametrize("is_older_than_digests", [False, True])
def test_a_new_release_leaves_what_the_clinic_changed(omar, now, new_release, is_older_than_digests):
    if is_older_than_digests:
        ReportTemplate.objects.update(shipped_digest="")
    save(clinic_template("soap"), name="Our SOAP", by=omar, at=now)

    install_shipped_templates(using="default")

    soap = clinic_template("soap")
    assert (soap.version, soap.name, soap.description) == (2, "Our SOAP", "Subjective, objective, assessment, plan.")


def test_checklists_of_shipped_templates_use_the_shared_items():
    shared = {**MENTAL_STATUS, **RISK}
    lists = {slug: checklists_of(slug) for slug in load_shipped()}

    for slug, found in lists.items():
        for section in found:
            assert [(item.id, item.title) for item in section.items] == [
                (item.id, shared[item.id]) for item in section.items
            ], slug
    for slug in ("intake", "mse", "psychiatry_initial", "psychiatry_followup"):
        assert {item.id for section in lists[slug] for item in section.items} == set(shared), slug
    for slug in ("medication_review", "emdr", "couples", "group", "safety_plan", "discharge_summary", "treatment_plan"):
        assert "suicidal_ideation" in {item.id for section in lists[slug] for item in section.items}, slug


def test_no_shipped_template_invents_a_number_to_call():
    for slug, shipped in load_shipped().items():
        for place, _ in leaves(parse_structure(shipped["structure"])):
            assert not any(character.isdigit() for character in place.fixed_text), slug


def checklists_of(slug):
    places = (place for place, _ in leaves(parse_structure(load_shipped()[slug]["structure"])))
    return [place for place in places if place.type == "checklist"]

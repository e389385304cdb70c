"""Templates: whose they are, how they change, what reports keep of them."""

import pytest
from django.urls import reverse

from reports import services
from reports.models import ReportTemplate
from reports.seeding import install_shipped_templates
from reports.structure import StructureError
from reports.template_forms import rows_of, structure_of
from reports.tests.factories import clinic_template, make_report, make_written_session, reloaded
from synapse.common.errors import Conflict, NotAllowed

pytestmark = pytest.mark.django_db


def save(template, *, by, at, **changes):
    fields = ("name", "description", "structure", "ai_prompt", "is_public")
    values = {name: getattr(template, name) for name in fields}
    return services.save_template(template, **{**values, **changes}, by=by, at=at)


def address(name, template):
    return reverse(f"report_templates:{name}", args=[template.pk])


def sent(template, **changes):
    """Return what the editor's page sends for a template."""
    rows = rows_of(template.structure)
    data = {
        "name": template.name,
        "description": template.description,
        "ai_prompt": template.ai_prompt,
        "version": template.version,
        "sections-TOTAL_FORMS": len(rows),
        "sections-INITIAL_FORMS": 0,
        "sections-MIN_NUM_FORMS": 1,
        "sections-MAX_NUM_FORMS": 40,
    }
    for number, row in enumerate(rows):
        for name, value in row.items():
            if value is not False:
                data[f"sections-{number}-{name}"] = value
    return {**data, **changes}


# Rules --------------------------------------------------------------------------------------------------------------
def test_a_copy_is_the_doctors_own(asha, now):
    public = clinic_template()

    copy = services.copy_template(public, by=asha, at=now)

    assert (copy.doctor, copy.parent, copy.version) == (asha, public, 1)
    assert copy.structure == public.structure
    assert not copy.is_public
    assert not copy.is_default


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


# The editor's rows --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("slug", ["general", "psychiatry_followup", "mse", "soap"])
def test_a_structure_survives_the_editor(db, slug):
    structure = clinic_template(slug).structure
    rows = [{**row, "parts": row["parts"].splitlines()} for row in rows_of(structure)]

    again = structure_of(rows, structure)

    assert [section["id"] for section in again["sections"]] == [section["id"] for section in structure["sections"]]
    assert [section.get("subsections") for section in again["sections"]] == [
        section.get("subsections") for section in structure["sections"]
    ]


def test_new_headings_get_ids_of_their_own(db):
    row = {"id": "", "required": False, "topics": [], "instructions": "", "parts": []}
    rows = [{**row, "title": "Plan"}, {**row, "title": "Plan"}, {**row, "title": "7 things ✓", "parts": ["Plan"]}]

    structure = structure_of(rows, {"sections": []})

    ids = [section["id"] for section in structure["sections"]]
    assert ids == ["plan", "plan_2", "section_7_things"]
    assert structure["sections"][2]["subsections"] == [{"id": "section_7_things_plan", "title": "Plan"}]


# Doors --------------------------------------------------------------------------------------------------------------
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


def test_a_new_template_opens_in_the_editor(asha, signed_in):
    response = signed_in(asha).post(reverse("report_templates:create"))

    template = ReportTemplate.objects.get(doctor=asha)
    assert response.url == address("edit", template)


def test_steps_move_sections_and_save_nothing(asha, signed_in, now):
    mine = services.copy_template(clinic_template("soap"), by=asha, at=now)
    titles = [section["title"] for section in mine.structure["sections"]]
    client = signed_in(asha)

    moved = client.post(address("edit", mine), sent(mine, step="down-0")).content.decode()
    removed = client.post(address("edit", mine), sent(mine, step="remove-0")).content.decode()
    added = client.post(address("edit", mine), sent(mine, step="add")).content.decode()

    assert moved.index(f'value="{titles[1]}"') < moved.index(f'value="{titles[0]}"')
    assert f'value="{titles[0]}"' not in removed
    assert "New section" in added
    assert "Not saved" in moved
    mine.refresh_from_db()
    assert mine.version == 1


def test_the_editor_saves_the_next_version(asha, signed_in, now):
    mine = services.copy_template(clinic_template("soap"), by=asha, at=now)

    response = signed_in(asha).post(
        address("edit", mine), sent(mine, **{"name": "My SOAP", "sections-0-title": "What they told me"})
    )

    assert response.url == address("detail", mine)
    mine.refresh_from_db()
    assert (mine.name, mine.version) == ("My SOAP", 2)
    assert mine.structure["sections"][0]["title"] == "What they told me"


def test_the_editor_says_what_is_wrong(asha, signed_in, now):
    mine = services.copy_template(clinic_template("soap"), by=asha, at=now)

    response = signed_in(asha).post(
        address("edit", mine), sent(mine, **{"sections-0-title": "", "ai_prompt": "Write for {{patient_name}}."})
    )

    assert response.status_code == 422
    assert "There is no variable patient_name" in response.content.decode()


def test_the_default_is_chosen_with_one_press(asha, signed_in):
    signed_in(asha).post(address("set_default", clinic_template("dap")))

    assert ReportTemplate.objects.get(doctor=asha, is_default=True).slug == "dap"

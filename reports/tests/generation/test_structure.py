"""The section schema of a template."""

import pytest

from reports.shipped import load_shipped
from reports.templating.structure import StructureError, empty_report, leaves, parse_structure


def section(**fields: object) -> dict:
    return {"sections": [{"id": "plan", "title": "Plan", **fields}]}


def test_the_specified_example_is_read_with_its_subsections() -> None:
    structure = section(required=True, type="structured", subsections=[{"id": "follow_up", "title": "Follow-up"}])

    [plan] = parse_structure(structure)

    assert plan.required
    assert [child.id for child in plan.subsections] == ["follow_up"]
    assert [(leaf.id, parent.id) for leaf, parent in leaves([plan])] == [("follow_up", "plan")]


def test_every_shipped_template_is_valid_and_the_promised_ones_are_there() -> None:
    shipped = load_shipped()

    for template in shipped.values():
        assert parse_structure(template["structure"])

    promised = {
        "general",
        "soap",
        "dap",
        "birp",
        "girp",
        "pie",
        "intake",
        "mse",
        "psychiatry_initial",
        "psychiatry_followup",
        "medication_review",
        "emdr",
        "couples",
        "group",
        "safety_plan",
        "discharge_summary",
        "referral_letter",
        "treatment_plan",
    }
    assert promised <= set(shipped)
    assert [slug for slug, template in shipped.items() if template["is_default"]] == ["general"]


@pytest.mark.parametrize(
    ("structure", "complaint"),
    [
        ([], "an object with a list"),
        ({"sections": []}, "at least one section"),
        (section(id="Plan"), "the id begins with a small letter"),
        (section(id="1plan"), "the id begins with a small letter"),
        (section(title="  "), "no title"),
        (section(title="x" * 121), "at most 120 characters"),
        (section(required="yes"), "required is true or false"),
        (section(type="essay"), "checklist or fixed"),
        (section(type="table"), "the type table needs them"),
        (section(columns=[{"id": "dose", "title": "Dose"}]), "columns go with the type table"),
        (section(type="checklist", items=[{"id": "sleep"}]), "items 1 has no title"),
        (section(type="fixed"), "the type fixed needs it"),
        (section(style={"detail": "endless"}), "detail is concise, standard, detailed"),
        (section(subsections=[{"id": "a", "title": "A"}]), "only a structured section"),
        (section(maps_to="astrology"), "maps_to is one or more of"),
        (section(colour="red"), "unknown keys: colour"),
        ({"sections": [{"id": "a", "title": "A"}, {"id": "a", "title": "B"}]}, "used twice"),
        ({"sections": [{"id": f"s{number}", "title": "T"} for number in range(41)]}, "at most 40 sections"),
        ({"sections": ["plan"]}, "not an object"),
    ],
)
def test_a_structure_that_cannot_be_used_is_refused_with_the_reason(structure: object, complaint: str) -> None:
    with pytest.raises(StructureError) as refusal:
        parse_structure(structure)

    assert complaint in str(refusal.value)


def test_every_problem_of_a_structure_is_named_at_once() -> None:
    with pytest.raises(StructureError) as refusal:
        parse_structure({"sections": [{"id": "A", "title": ""}, {"id": "b", "title": "B", "required": 1}]})

    assert len(refusal.value.problems) == 3


def test_an_empty_report_has_every_section_not_discussed() -> None:
    [report] = empty_report(section(type="structured", subsections=[{"id": "follow_up", "title": "Follow-up"}]))

    assert report["status"] == "not_discussed"
    assert report["sentences"] == []
    assert report["subsections"][0]["title"] == "Follow-up"

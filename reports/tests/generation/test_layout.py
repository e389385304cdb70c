"""Section types and styles in the embedded engine."""

import pytest

from reports.generation.base import GenerationRequest
from reports.generation.embedded import EmbeddedGenerator
from reports.templating.structure import parse_structure

from .conftest import talk


def sections_of(segments: tuple, *sections: dict) -> dict[str, tuple]:
    raw = {"sections": [{"id": f"part_{place}", "title": "Part", **section} for place, section in enumerate(sections)]}
    draft = EmbeddedGenerator().generate(GenerationRequest(parse_structure(raw), segments))
    return {section.id: section.sentences for section in draft.sections}


MEDICATION_COLUMNS = [
    {"id": "medication", "title": "Medication"},
    {"id": "dose", "title": "Dose"},
    {"id": "frequency", "title": "Frequency"},
    {"id": "change", "title": "Change"},
    {"id": "effect", "title": "Effect"},
]
MEDICATIONS = {"type": "table", "columns": MEDICATION_COLUMNS, "maps_to": ["medications", "plan_medications", "plan"]}


def test_a_table_has_a_row_a_medication_and_leaves_cells_empty_that_nobody_filled() -> None:
    segments = talk(
        "d: What medicines do you take?",
        "p: I take sertraline 50 milligrams every morning.",
        "p: I also take melatonin at night.",
        "d: I am going to increase the sertraline to 100 milligrams.",
    )

    rows = sections_of(segments, MEDICATIONS)["part_0"]

    cells = [dict(row.cells) for row in rows if row.cells]
    assert {"medication": "sertraline", "dose": "50 mg", "frequency": "every morning"} in cells
    assert {"medication": "sertraline", "dose": "100 mg", "change": "increase"} in cells
    assert all("effect" not in row for row in cells)
    assert all(row.evidence for row in rows)


def test_a_denied_effect_stays_denied_in_its_cell() -> None:
    segments = talk("d: How is the lithium?", "p: I take lithium every night and I have no tremor.")

    [row] = [dict(row.cells) for row in sections_of(segments, MEDICATIONS)["part_0"] if row.cells]

    assert row["effect"] == "no tremor"


def test_a_list_has_one_item_a_line(followup: tuple) -> None:
    lines = sections_of(followup, {"type": "list", "maps_to": ["history"]})["part_0"]

    assert len(lines) > 3
    assert {line.layout for line in lines} <= {"item", "heading"}


def test_a_fixed_section_is_the_templates_own_text_without_evidence(followup: tuple) -> None:
    [line] = sections_of(followup, {"type": "fixed", "fixed_text": "Confidential."})["part_0"]

    assert (line.text, line.is_template, line.evidence) == ("Confidential.", True, ())


def test_nothing_told_is_put_into_a_fixed_section_whose_title_would_take_it(followup: tuple) -> None:
    sections = sections_of(
        followup, {"type": "fixed", "title": "Plan", "fixed_text": "See the leaflet."}, {"title": "Treatment plan"}
    )

    assert len(sections["part_0"]) == 1
    assert sections["part_1"]


@pytest.mark.parametrize("topic", ["history", "plan"])
def test_a_more_detailed_section_has_all_a_shorter_one_has(followup: tuple, topic: str) -> None:
    concise, standard, detailed = (
        [line.text for line in sections_of(followup, {"maps_to": [topic], "style": {"detail": detail}})["part_0"]]
        for detail in ("concise", "standard", "detailed")
    )

    assert concise
    assert set(concise) <= set(standard) <= set(detailed)
    assert len(concise) < len(detailed)


@pytest.mark.parametrize(("layout", "allowed"), [("bullets", {"item", "heading"}), ("prose", {"prose", "heading"})])
def test_a_section_is_laid_out_as_its_style_asks(followup: tuple, layout: str, allowed: set) -> None:
    for lines in sections_of(
        followup,
        {"maps_to": ["history"], "style": {"layout": layout}},
        {"maps_to": ["plan"], "style": {"layout": layout}},
    ).values():
        assert lines
        assert {line.layout for line in lines} <= allowed

"""Sections from an example note and from a description: headings only, written as such sections usually are."""

import json

import pytest

from reports.templating.outline import NothingRecognised, from_description, from_example
from reports.templating.structure import validate_structure

EXAMPLE = """Patient Name: Kavya Iyer
DOB: 12/03/1990

SUBJECTIVE
Kavya reports feeling low since her review at Lumina.
Sleep: poor
Appetite: reduced

Mental Status Exam:
Appearance: neat, wearing a blue coat
Mood: "down"
Affect: restricted

**Medications**
Drug | Dose | Frequency
Sertraline | 50 mg | daily

Risk assessment:
Suicidal thoughts: denied
Self-harm: denied in June 2024

PLAN
- Continue sertraline
1. Sleep diary, call Devika
Dr Asha Rao:
"""


def told(structure):
    validate_structure(structure)
    return [(section["title"], section["type"]) for section in structure["sections"]]


def entries(section):
    return [(entry["id"], entry["title"]) for entry in section.get("items", []) or section.get("columns", [])]


def test_the_headings_of_an_example_become_sections_of_fitting_types():
    structure = from_example(EXAMPLE)

    assert told(structure) == [
        ("Subjective", "structured"),
        ("Mental Status Exam", "checklist"),
        ("Medications", "table"),
        ("Risk assessment", "checklist"),
        ("Plan", "list"),
    ]
    subjective, mental, medications, risk, plan = structure["sections"]
    assert [part["title"] for part in subjective["subsections"]] == ["Sleep", "Appetite"]
    assert entries(mental) == [("appearance", "Appearance"), ("mood", "Mood"), ("affect", "Affect")]
    assert entries(medications) == [("drug", "Drug"), ("dose", "Dose"), ("frequency", "Frequency")]
    assert entries(risk) == [("suicidal_ideation", "Suicidal thoughts"), ("self_harm", "Self-harm")]
    assert plan["maps_to"] == ["plan"]


def test_nothing_of_what_stands_under_the_headings_is_kept():
    kept = json.dumps(from_example(EXAMPLE)).casefold()

    for word in ("kavya", "iyer", "1990", "lumina", "coat", "sertraline", "denied", "2024", "devika", "asha", "rao"):
        assert word not in kept


def test_an_example_with_labels_only_has_them_as_headings_and_nobody_who_speaks():
    note = "Chief complaint: low mood\nAssessment: moderate\nPlan: sertraline\nKavya: hello\nRisk: asked\nRisk: denied"

    assert told(from_example(note)) == [("Chief complaint", "text"), ("Assessment", "text"), ("Plan", "text")]


def test_an_example_without_headings_is_refused_in_words():
    for text in ("", "She slept badly and we talked about it.", "- one\n- two", "12/03/2024\n----\n:::"):
        with pytest.raises(NothingRecognised, match="No headings were found"):
            from_example(text)


def test_a_description_names_its_sections():
    made = from_description("a weekly DBT note with diary card, skills taught, chain analysis and homework")

    assert made["name"] == "Weekly DBT note"
    assert told(made["structure"]) == [
        ("Diary card", "text"),
        ("Skills taught", "text"),
        ("Chain analysis", "text"),
        ("Homework", "list"),
    ]
    assert all(section["maps_to"] for section in made["structure"]["sections"])


def test_a_description_starts_from_a_form_it_names_and_says_how_a_part_is_written():
    made = from_description("SOAP note with risk assessment (required), medication list and brief summary as bullets")

    sections = {section["title"]: section for section in made["structure"]["sections"]}
    assert list(sections) == [
        "Subjective", "Objective", "Assessment", "Plan", "Risk assessment", "Medication list", "Summary",
    ]  # fmt: skip
    assert sections["Risk assessment"]["required"] is True
    assert ("suicidal_ideation", "Suicidal ideation") in entries(sections["Risk assessment"])
    assert "risk" not in sections["Subjective"]["maps_to"]
    assert sections["Medication list"]["type"] == "table"
    assert sections["Summary"]["style"] == {"layout": "bullets", "detail": "concise"}


def test_hostile_descriptions_are_words_or_refused():
    made = from_description("note with <script>alert(1)</script>, {{secret}}, " + "x" * 500)

    assert told(made["structure"])[0] == ("<script>alert(1)</script>", "text")
    assert all(len(section["title"]) <= 120 for section in made["structure"]["sections"])
    with pytest.raises(NothingRecognised):
        from_description(" ,;. ")

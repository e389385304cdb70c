"""What may stand in a prompt."""

import hashlib
from pathlib import Path

import pytest

from reports.generation import prompts
from reports.generation.base import DraftSection, GenerationContext, GenerationRequest
from reports.generation.prompts import (
    PROMPT_VERSION,
    Scrubber,
    UnknownVariable,
    check_prompt,
    fill_variables,
    transcript_prompt,
)
from reports.generation.schema import answer_schema
from reports.shipped import load_shipped
from reports.templating.structure import parse_structure


def test_listed_variables_are_filled_and_nothing_else_is_special() -> None:
    text = fill_variables(
        "For a {{ patient_gender }} aged {{patient_age_band}}: {x} %s {{{{", GenerationContext("female", "30-39")
    )

    assert text == "For a female aged 30-39: {x} %s {{{{"


def test_an_empty_variable_says_so() -> None:
    assert fill_variables("{{chief_complaint}}", GenerationContext()) == "not recorded"


@pytest.mark.parametrize("name", ["patient_name", "patient.pk", "settings", "doctor_email"])
def test_a_variable_outside_the_list_is_refused(name: str) -> None:
    with pytest.raises(UnknownVariable, match="patient_age_band"):
        check_prompt(f"Write to {{{{{name}}}}}")


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("Thank you, Mr Rao.", "Thank you, Mr [PATIENT]."),
        ("anil's brother", "[PATIENT]'s brother"),
        ("Call 98200 55512 please", "Call [CONTACT] please"),
        ("it is 9820055512", "it is [CONTACT]"),
        ("write to anil.rao+x@mail.example.in", "write to [CONTACT]"),
        ("file PAT-20250001", "file [CONTACT]"),
        ("nine eight two zero zero five five five one two", "[CONTACT]"),
        ("I took 50 mg for 12 weeks in 2019", "I took 50 mg for 12 weeks in 2019"),
        ("parathyroid", "parathyroid"),
    ],
)
def test_identity_is_replaced_and_the_rest_stays(text: str, scrubbed: str) -> None:
    assert Scrubber(["Anil Rao", "+91 98200 55512"]).scrub(text) == scrubbed


def test_a_name_that_is_a_word_is_replaced_where_it_is_written_as_a_name() -> None:
    scrubber = Scrubber(["Joy Will"])

    assert scrubber.scrub("I will feel joy, said Joy.") == "I will feel joy, said [PATIENT]."


def test_the_schema_of_every_shipped_template_names_all_its_places() -> None:
    for template in load_shipped().values():
        sections = parse_structure(template["structure"])

        schema = answer_schema(sections)

        assert schema["required"] == [section.id for section in sections]
        for section in sections:
            inner = schema["properties"][section.id]["properties"]
            own = [item.id for item in section.items] or ["status", "rows" if section.columns else "sentences"]
            assert list(inner) == ([child.id for child in section.subsections] or own)


def test_a_change_of_the_prompts_wording_raises_its_version_and_is_told() -> None:
    wording = "\n".join(
        (
            prompts._SYSTEM,
            prompts.repair_prompt([]),
            prompts.section_prompt(DraftSection("part", "not_discussed"), ""),
            transcript_prompt(GenerationRequest(sections=(), segments=())),
        )
    )
    digest = hashlib.sha256(wording.encode()).hexdigest()[:12]
    told = (Path(prompts.__file__).parent / "PROMPTS.md").read_text(encoding="utf-8")

    assert f"| {PROMPT_VERSION} | {digest} |" in told

"""Templates as JSON files: what comes out goes in again, and nothing else does."""

import json

import pytest

from reports import services
from reports.models import ReportTemplate
from reports.templating.files import MAXIMUM_BYTES, UnreadableTemplate, as_file, file_name, read_file
from reports.templating.structure import StructureError, parse_structure

pytestmark = pytest.mark.django_db
GOOD = {
    "format": "synapse-report-template",
    "format_version": 1,
    "name": "Note",
    "structure": {"sections": [{"id": "plan", "title": "Plan"}]},
}


def test_every_shipped_template_survives_its_file(db):
    for template in ReportTemplate.objects.filter(doctor=None):
        read = read_file(as_file(template))

        assert parse_structure(read["structure"]) == parse_structure(template.structure), template.slug
        assert (read["name"], read["description"]) == (template.name, template.description)
        assert read["ai_prompt"] == template.ai_prompt


def test_a_file_name_says_nothing(asha, now):
    mine = services.create_template(name="For Kavya Iyer", structure=GOOD["structure"], by=asha, at=now)

    assert file_name(mine) == f"template-{str(mine.pk)[:8]}-v1.json"


def test_markup_in_a_title_is_text():
    title = "<script>alert(1)</script> {{ settings.SECRET_KEY }}"
    structure = {"sections": [{"id": "plan", "title": title}]}

    assert read_file(json.dumps({**GOOD, "structure": structure}).encode())["structure"] == structure


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"x" * (MAXIMUM_BYTES + 1), "larger than 256 KB"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 40_000, "nested deeper"),
        (b"\xff\xfe\x00", "not text"),
        (b"{", "not JSON: line 1"),
        (b"[]", "begin with {"),
        (b'{"format": "other"}', "not a template of SynapseAI"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": ' + b"9" * 5000 + b"}", "number no template has"),
        (json.dumps({**GOOD, "name": "a\x00b"}).encode(), "characters that cannot be stored"),
        (json.dumps({**GOOD, "name": "a\ud800b"}).encode(), "characters that cannot be stored"),
        (json.dumps({**GOOD, "format_version": 2}).encode(), "newer version"),
        (json.dumps({**GOOD, "doctor": 1, "is_public": True}).encode(), "doctor, is_public"),
        (json.dumps({**GOOD, "name": ["x"]}).encode(), '"name" has to be text'),
        (json.dumps({**GOOD, "ai_prompt": {"$ref": "x"}}).encode(), '"ai_prompt" has to be text'),
    ],
)
def test_anything_else_is_refused_in_words(raw, words):
    with pytest.raises(UnreadableTemplate) as refusal:
        read_file(raw)

    assert words in refusal.value.message


@pytest.mark.parametrize(
    "structure",
    [
        None,
        [],
        {"sections": "plan"},
        {"sections": [[]]},
        {"sections": [{"id": {}, "title": "Plan"}]},
        {"sections": [{"id": "plan", "title": 7}]},
        {"sections": [{"id": "plan", "title": "Plan", "onload": "alert(1)"}]},
        {"sections": [{"id": "plan", "title": "Plan", "type": ["text"]}]},
        {"sections": [{"id": "plan", "title": "Plan", "maps_to": [["risk"]]}]},
        {"sections": [{"id": "plan", "title": "Plan", "maps_to": {"risk": 1}}]},
        {"sections": [{"id": "plan", "title": "Plan", "style": {"detail": {}}}]},
        {"sections": [{"id": "plan", "title": "Plan", "style": []}]},
        {"sections": [{"id": "plan", "title": "Plan", "subsections": {"a": 1}}]},
        {"sections": [{"id": f"s{number}", "title": "Plan"} for number in range(41)]},
        {"sections": [{"id": "plan", "title": "x" * 121}]},
    ],
)
def test_a_structure_of_wrong_types_is_refused_and_never_breaks(structure):
    with pytest.raises(StructureError):
        read_file(json.dumps({**GOOD, "structure": structure}).encode())


def test_a_prompt_names_only_the_listed_variables(asha, now):
    hostile = {"sections": [{"id": "plan", "title": "Plan", "instructions": "Say {{ patient_name }}."}]}

    with pytest.raises(StructureError, match="There is no variable patient_name"):
        services.create_template(name="x", structure=hostile, by=asha, at=now)
    with pytest.raises(StructureError, match="patient_age_band"):
        services.create_template(name="x", structure=GOOD["structure"], ai_prompt="{{secret}}", by=asha, at=now)
    with pytest.raises(StructureError, match="at most 120 characters"):
        services.create_template(name="x" * 121, structure=GOOD["structure"], by=asha, at=now)

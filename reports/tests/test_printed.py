"""One renderer: every format says the same words in the same order with the same numbers, whatever the form."""

import json
import re
from html import unescape
from io import BytesIO
from xml.etree import ElementTree

import docx
import pypdf
import pytest
from fhir.resources.R4B.bundle import Bundle

from reports import services
from reports.models import Addendum, CoSignature
from reports.printing import exports
from reports.printing.printed import NOT_ASSESSED, NOT_DISCUSSED, beside_its_state, finding_of, printed_report
from reports.templating.structure import Entry
from reports.tests.factories import clinic_template, make_report, reloaded

pytestmark = pytest.mark.django_db

TEXT_FORMATS = ("pdf", "docx", "txt", "md", "json", "fhir")
# FHIR R4B took over these resources of R4 unchanged, so its schema judges ours (see the release notes of 4.3.0).
SAME_IN_R4_AND_R4B = {"Composition", "Patient", "Practitioner", "Organization", "Encounter", "Device", "Provenance"}

STRUCTURE = {
    "name": "All forms",
    "sections": [
        {"id": "complaint", "title": "Chief complaint", "maps_to": "chief_complaint"},
        {
            "id": "mse",
            "title": "Mental status",
            "type": "checklist",
            "items": [
                {"id": "mood", "title": "Mood"},
                {"id": "hallucinations", "title": "Hallucinations"},
                {"id": "insight", "title": "Insight"},
            ],
        },
        {
            "id": "drugs",
            "title": "Medication",
            "type": "table",
            "columns": [{"id": "name", "title": "Name"}, {"id": "dose", "title": "Dose"}],
        },
        {"id": "steps", "title": "Next steps", "type": "list"},
        {"id": "notice", "title": "Notice", "type": "fixed", "fixed_text": "Call the clinic first.\nThen come."},
        {
            "id": "past",
            "title": "Background",
            "type": "structured",
            "subsections": [{"id": "family", "title": "Family"}, {"id": "work", "title": "Work"}],
        },
        {"id": "results", "title": "Results"},
    ],
}


def place(segment):
    start = segment * 10_000
    return {
        "segment": segment,
        "start_ms": start,
        "end_ms": start + 900,
        "speaker": "patient",
        "quote": f"said {segment}",
    }


def sentence(key, text, *segments, **more):
    own = {"origin": "ai", "support": "supported", "flags": [], "layout": "prose", **more}
    return {"id": key, "text": text, "evidence": [place(segment) for segment in segments], **own}


def section(key, title, *sentences, subsections=()):
    inner = [section(*part) for part in subsections]
    is_documented = bool(sentences) or any(part["status"] == "documented" for part in inner)
    status = "documented" if is_documented else "not_discussed"
    return {"id": key, "title": title, "status": status, "sentences": list(sentences), "subsections": inner}


@pytest.fixture
def every_form(asha):
    """Return an unsigned report that has every kind of section, one risk statement and hostile words."""
    report = make_report(asha)
    report.template_structure = STRUCTURE
    report.structured_data = [
        section("complaint", "Chief complaint", sentence("s1", "Alpha <b>low</b> mood & sleep.", 1), sentence("s2", "Bravo.", 2, 1)),
        section(
            "mse",
            "Mental status",
            sentence("s3", "Charlie says low.", 3, item="mood", state="present"),
            sentence("s4", "Delta denies voices.", 4, item="hallucinations", state="denied"),
        ),
        section("drugs", "Medication", sentence("s5", "Echo, 50 mg", 5, cells={"name": "Echo", "dose": "50 mg"})),
        section("steps", "Next steps", sentence("s6", "Foxtrot diary.", 6), sentence("s7", "Golf again.", 7)),
        section("notice", "Notice"),
        section("past", "Background", subsections=[("family", "Family", sentence("s8", "Hotel brother.", 8)), ("work", "Work")]),
        section("results", "Results"),
    ]  # fmt: skip
    report.risk_statements = [
        {
            "id": "r1",
            "kind": "suicide",
            "polarity": "denied",
            "subject": "patient",
            "time": "current",
            "evidence": [place(9)],
            "disposition": "denied",
            "by": str(asha.pk),
            "at": "2026-01-01T10:00:00+00:00",
        }
    ]
    return report


def words_of(file_type, content):
    """Return what a reader of the format reads, in order, on one line."""
    if file_type == "pdf":
        text = "\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages)
    elif file_type == "docx":
        body = docx.Document(BytesIO(content)).element.body
        text = "\n".join(node.text or "" for node in body.iter() if node.tag.endswith(("}t", "}tc", "}p")))
    elif file_type == "json":
        blocks = json.loads(content)["document"]["blocks"]
        text = "\n".join(
            json.dumps([block["title"], block["paragraphs"], block["table"] and block["table"]["rows"]])
            for block in blocks
        )
        text += f"{NOT_DISCUSSED}." if any(block["is_not_discussed"] for block in blocks) else ""
    elif file_type == "fhir":
        composition = json.loads(content)["entry"][0]["resource"]
        text = "\n".join(_narratives(composition))
    else:
        text = re.sub(r"\\(.)", r"\1", content.decode())
    return re.sub(r"\s+", " ", text)


def _narratives(node):
    for part in node.get("section", []):
        yield part["title"]
        if "text" in part:
            yield "\n".join(ElementTree.fromstring(part["text"]["div"]).itertext())
        yield from _narratives(part)


@pytest.mark.parametrize("file_type", TEXT_FORMATS)
def test_every_format_has_the_same_words_in_the_same_order(every_form, file_type, now):
    content = exports.render(every_form, file_type=file_type, at=now).content

    text = unescape(words_of(file_type, content))
    expected = (
        "Chief complaint", "Alpha <b>low</b> mood & sleep.", "Bravo.",
        "Mental status", "Mood", "Described", "Charlie says low.", "Hallucinations", "Denied", "Delta denies voices.",
        "Insight", NOT_ASSESSED, "Medication", "Echo", "50 mg", "Next steps", "Foxtrot diary.", "Golf again.",
        "Notice", "Call the clinic first.", "Then come.", "Background", "Family", "Hotel brother.", "Work", "Results",
        "Said about risk", "said 9", "Clinician: denied.",
    )  # fmt: skip
    at = 0
    for words in expected:
        found = text.find(words, at)
        assert found >= 0, f"{words!r} is missing or stands too early in {file_type}"
        at = found + len(words)
    assert NOT_DISCUSSED.lower() in text.lower()


def test_sources_are_numbered_once_in_reading_order(every_form, now):
    printed = printed_report(every_form, now)

    sentences = [words for block in printed.blocks for paragraph in block.paragraphs for words in paragraph.sentences]
    cells = [cell for block in printed.blocks if block.table for row in block.table.rows for cell in row]
    numbers = {words.text: words.sources for words in [*sentences, *cells] if words.sources}
    assert numbers["Alpha <b>low</b> mood & sleep."] == (1,)
    assert numbers["Bravo."] == (1, 2)
    assert numbers["Delta denies voices."] == (4,)
    assert numbers["50 mg"] == (5,)
    assert [source.number for source in printed.sources] == list(range(1, 10))
    assert "9 1:30" in printed.sources_note


@pytest.mark.parametrize("file_type", ["pdf", "docx", "txt", "md", "fhir"])
def test_every_format_counts_the_same_sources(every_form, file_type, now):
    note = printed_report(every_form, now).sources_note

    assert note in words_of(file_type, exports.render(every_form, file_type=file_type, at=now).content)


def test_the_fixed_text_of_a_form_is_printed_although_nobody_wrote_it(every_form, now):
    block = next(block for block in printed_report(every_form, now).blocks if block.section_id == "notice")

    assert not block.is_not_discussed
    assert [paragraph.sentences[0].text for paragraph in block.paragraphs] == ["Call the clinic first.", "Then come."]


def test_an_item_nobody_asked_about_is_never_printed_as_normal(every_form, now):
    block = next(block for block in printed_report(every_form, now).blocks if block.section_id == "mse")

    assert [cell.text for cell in block.table.rows[2]] == ["Insight", NOT_ASSESSED, ""]


@pytest.mark.parametrize("file_type", TEXT_FORMATS)
def test_an_addendum_and_a_co_signature_stand_at_the_end(asha, ben, file_type, now):
    report = make_report(asha, status="signed")
    Addendum.objects.create(
        report=report,
        number=1,
        text="The sister called.",
        author=asha,
        status="signed",
        signed_at=now,
        content_hash="a",
    )
    CoSignature.objects.create(
        report=report, supervisor=ben, requested_by=asha, requested_at=now, status="signed", decided_at=now
    )

    text = exports.render(reloaded(report), file_type=file_type, at=now).content

    shown = text.decode() if file_type in {"json", "fhir"} else words_of(file_type, text)
    assert "The sister called." in shown
    assert "Addendum 1" in shown
    assert "Co-signed as supervisor" in shown


def bundle_of(report, now):
    return json.loads(exports.render(report, file_type="fhir", at=now).content)


def test_the_bundle_is_valid_and_whole(every_form, now):
    data = bundle_of(every_form, now)

    bundle = Bundle.model_validate(data)

    kinds = [entry.resource.get_resource_type() for entry in bundle.entry]
    assert bundle.type == "document"
    assert kinds[:3] == ["Composition", "Patient", "Practitioner"]
    assert set(kinds) == SAME_IN_R4_AND_R4B
    addresses = {entry["fullUrl"] for entry in data["entry"]}
    assert len(addresses) == len(data["entry"])
    references = set(re.findall(r'"reference": "([^"]+)"', json.dumps(data)))
    assert references
    assert references <= addresses
    assert all(entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}" for entry in data["entry"])


def test_the_composition_keeps_the_rules_the_schema_does_not_check(every_form, now):
    composition = bundle_of(every_form, now)["entry"][0]["resource"]

    def walk(sections):
        for part in sections:
            yield part
            yield from walk(part.get("section", []))

    sections = list(walk(composition["section"]))
    assert all("text" in part or "section" in part for part in sections)  # cmp-1
    assert all("entry" not in part for part in sections if "emptyReason" in part)  # cmp-2
    empty = {part["title"] for part in sections if "emptyReason" in part}
    assert empty == {"Work", "Results"}
    codes = {part["title"]: part["code"]["coding"][0]["code"] for part in sections if "code" in part}
    assert codes["Chief complaint"] == "10154-3"
    assert codes["Mental status"] == "10190-7"
    for part in [composition, *sections]:
        if "text" in part:  # txt-1: XHTML that parses, without anything that runs
            root = ElementTree.fromstring(part["text"]["div"])
            tags = {node.tag.rpartition("}")[2] for node in root.iter()}
            assert tags <= {"div", "p", "b", "sup", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "br"}


def test_the_status_follows_the_signature(asha, now):
    draft = make_report(asha)
    assert bundle_of(draft, now)["entry"][0]["resource"]["status"] == "preliminary"

    signed = make_report(asha, status="signed")
    composition = bundle_of(reloaded(signed), now)["entry"][0]["resource"]
    assert composition["status"] == "final"
    assert composition["attester"][0]["mode"] == "legal"

    amended = services.amend_report(signed, reason="Dose.", by=asha, at=now)
    relation = bundle_of(reloaded(amended), now)["entry"][0]["resource"]["relatesTo"][0]
    assert relation["code"] == "replaces"
    assert relation["targetIdentifier"]["value"] == f"urn:uuid:{signed.pk}"


def test_evidence_is_a_provenance_with_a_place_for_each_number(every_form, now):
    data = bundle_of(every_form, now)

    provenance = next(entry["resource"] for entry in data["entry"] if entry["resource"]["resourceType"] == "Provenance")
    values = [entity["what"]["identifier"]["value"] for entity in provenance["entity"]]
    assert len(values) == 9
    assert values[0].endswith("#t=10,10.9")


@pytest.mark.parametrize("template", ["soap", "psychiatry_followup", "intake", "mse"])
def test_reports_of_shipped_forms_are_valid(asha, template, now):
    report = make_report(asha, template=clinic_template(template))

    document = Bundle.model_validate(bundle_of(report, now))

    assert document.entry[0].resource.section


def test_a_report_of_forty_pages_is_whole(every_form, now):
    words = "The patient described the week in much detail and with many examples. " * 4
    lines = [
        sentence(f"x{number}", f"Line {number} begins. {words}", number, layout="paragraph") for number in range(400)
    ]
    every_form.structured_data[0]["sentences"] = lines

    content = exports.render(every_form, file_type="pdf", at=now).content

    pages = [page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages]
    assert len(pages) >= 40
    assert f"Page {len(pages)} of {len(pages)}" in pages[-1]
    text = re.sub(r"\s+", " ", " ".join(pages))
    assert all(f"Line {number} begins." in text for number in range(400))
    for file_type in ("docx", "txt", "md", "fhir"):
        assert "Line 399 begins." in words_of(
            file_type, exports.render(every_form, file_type=file_type, at=now).content
        )


@pytest.mark.parametrize(
    ("claim", "state", "printed"),
    [
        ("Denied (“I have no plan”).", "Denied", "“I have no plan”"),
        ("Present (“It (the rope) is there”).", "Present", "“It (the rope) is there”"),
        ("“I have been low”.", "Present", "“I have been low”."),
        ("In the past (“years ago”). Now: not assessed.", "", "In the past (“years ago”). Now: not assessed."),
    ],
)
def test_a_state_is_not_said_twice_in_a_row(claim, state, printed):
    assert beside_its_state(claim, state) == printed


@pytest.mark.parametrize(
    ("title", "claim", "printed"),
    [
        ("Mood", "“I have been low”.", ("Described", "“I have been low”.")),
        ("Panic", "Present (“it came again”).", ("Present", "“it came again”")),
        (
            "Self-harm",
            "In the past (“I cut at school”). Now: not assessed.",
            ("In the past, now not assessed", "“I cut at school”"),
        ),
    ],
)
def test_only_what_is_there_now_is_printed_as_present(title, claim, printed):
    assert finding_of(claim, "present", Entry("item", title)) == printed

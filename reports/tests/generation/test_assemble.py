"""A draft as a report, and what its numbers mean."""

import copy

from reports.generation.assemble import assemble, content_text, evidence_objects, iter_sentences
from reports.generation.base import DraftSection, DraftSentence, GeneratedReport
from reports.generation.embedded import EmbeddedGenerator
from reports.generation.scores import score_sections

from .conftest import request_for, talk


def test_a_report_has_the_shape_of_the_contract(followup: tuple) -> None:
    request = request_for(followup)

    report = assemble(EmbeddedGenerator().generate(request), request)

    assert [section["id"] for section in report.sections] == [section.id for section in request.sections]
    sentences = list(iter_sentences(report.sections))
    assert len({sentence["id"] for sentence in sentences}) == len(sentences)
    first = sentences[0]
    assert {"id", "text", "origin", "evidence", "support", "flags"} <= set(first)
    assert first["origin"] == "ai"
    assert set(first["evidence"][0]) == {"segment", "start_ms", "end_ms", "speaker", "quote"}
    assert report.as_json()["scores"].keys() == {"completeness", "quality", "confidence"}


def test_quotes_and_times_are_those_of_the_segment(followup: tuple) -> None:
    [evidence] = evidence_objects([4, 999], followup)

    assert evidence["quote"] == followup[3].text
    assert (evidence["start_ms"], evidence["end_ms"]) == (followup[3].start_ms, followup[3].end_ms)


def test_the_plain_text_has_titles_and_says_what_was_not_discussed() -> None:
    sections = [
        {"id": "plan", "title": "Plan", "sentences": [], "subsections": []},
        {
            "id": "history",
            "title": "History",
            "sentences": [
                {"text": "Low mood.", "layout": "prose"},
                {"text": "Removed.", "layout": "prose", "removed": True},
                {"text": "She sleeps badly.", "layout": "prose"},
                {"text": "Uses a diary.", "layout": "item"},
            ],
            "subsections": [],
        },
        {"id": "vitals", "title": "Vital Signs", "sentences": [], "subsections": []},
    ]

    text = content_text(sections, required={"plan"})

    assert text == (
        "Plan\nNot discussed.\n\nHistory\nLow mood. She sleeps badly.\n• Uses a diary.\n\nNot discussed: Vital Signs."
    )


def test_a_sentence_the_engine_invented_is_marked(followup: tuple) -> None:
    request = request_for(followup, "dap")
    draft = GeneratedReport(
        sections=(
            DraftSection("data", "documented", (DraftSentence("She takes 200 mg of sertraline.", (10,)),)),
            DraftSection("assessment", "not_discussed"),
            DraftSection("plan", "not_discussed"),
        )
    )

    report = assemble(draft, request)

    [sentence] = iter_sentences(report.sections)
    assert sentence["support"] == "unsupported"
    assert report.scores.to_check == 1


def test_what_was_said_and_left_out_is_listed_with_its_place(followup: tuple) -> None:
    request = request_for(followup)
    report = assemble(EmbeddedGenerator().generate(request), request)
    stripped = copy.deepcopy(report.sections)
    for sentence in iter_sentences(stripped):
        if "panic attack" in sentence["text"]:
            sentence["removed"] = True

    scores = score_sections(stripped, request.sections, followup)

    [finding] = [item for item in scores.missing if "panic attack" in item["text"]]
    assert finding["segment"] == 20
    assert finding["quote"] == followup[19].text
    assert scores.completeness < report.scores.completeness


def test_completeness_counts_required_sections_and_findings(followup: tuple) -> None:
    request = request_for(followup, "soap")

    report = assemble(EmbeddedGenerator().generate(request), request)

    assert report.scores.required_total == 3
    assert report.scores.required_documented == 3
    assert report.scores.findings_total >= report.scores.findings_covered > 0


def test_confidence_falls_with_that_of_the_speech_engine() -> None:
    segments = talk("p: I feel depressed and I cannot sleep.")
    heard_badly = tuple(type(segment)(*(segment.id, 0, 1, "patient", segment.text, 0.5)) for segment in segments)

    clear, unclear = (
        assemble(EmbeddedGenerator().generate(request_for(heard, "soap")), request_for(heard, "soap")).scores.confidence
        for heard in (segments, heard_badly)
    )

    assert unclear < clear


def test_scores_that_cannot_be_computed_are_none() -> None:
    request = request_for(talk("d: Hello."), "mse")
    draft = GeneratedReport(sections=tuple(DraftSection(section.id, "not_discussed") for section in request.sections))

    scores = assemble(draft, request).scores

    assert scores.quality is None
    assert scores.confidence is None

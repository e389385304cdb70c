"""A draft as a report, and what its numbers mean."""

import copy

import pytest

from reports.generation.assemble import assemble, content_text, evidence_objects, iter_sentences
from reports.generation.base import DraftSection, DraftSentence, GeneratedReport, GenerationRequest
from reports.generation.calibration import calibrated, expected_error
from reports.generation.embedded import EmbeddedGenerator
from reports.generation.scores import faults_of, score_sections
from reports.templating.structure import Entry, Section

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


def test_quality_names_each_line_that_lowers_it() -> None:
    def line(number: int, text: str, support: str = "supported") -> dict:
        return {"id": f"s{number}", "text": text, "evidence": [], "support": support, "layout": "prose"}

    lines = [
        line(1, "She sleeps badly."),
        line(2, "She sleeps badly."),
        line(3, "Takes lithium.", "unsupported"),
        line(4, "I told my mother."),
        line(5, "The patient said “I told my mother”."),
        line(6, "Low mood in the evening and morning"),
    ]
    sections = [{"id": "history", "sentences": lines, "subsections": []}]

    faults = [(fault.sentence, fault.kind) for fault in faults_of(sections)]

    assert faults == [("s2", "repeated"), ("s3", "unsupported"), ("s4", "first_person"), ("s6", "fragment")]
    assert score_sections(sections, (), ()).quality == round(1 - 1 / 6 - 0.5 * 3 / 6, 3)


def test_a_section_that_was_not_assessed_is_not_documented() -> None:
    items = (Entry("mood", "Mood"),)
    template = (Section("mse", "Mental status", required=True, type="checklist", items=items),)
    request = GenerationRequest(template, talk("d: Hello.", "p: Hello there."))

    scores = assemble(EmbeddedGenerator().generate(request), request).scores

    assert (scores.required_documented, scores.required_total, scores.quality) == (0, 1, None)


def test_another_drug_or_dose_is_no_cover_for_what_was_said() -> None:
    segments = talk("d: We will increase your sertraline to 75 mg every morning.")
    sentence = {
        "id": "s1",
        "text": "We will increase the patient's sertraline to 50 mg every morning.",
        "support": "supported",
    }
    evidence = evidence_objects([1], segments)

    [missing] = score_sections(
        [{"id": "plan", "sentences": [{**sentence, "evidence": evidence}]}], (), segments
    ).missing

    assert missing["kind"] == "medication"
    assert "75 mg" in missing["text"]


def test_findings_stand_by_gravity_and_know_their_section(followup: tuple) -> None:
    request = request_for(followup, "soap")
    sections = [{"id": section.id, "sentences": []} for section in request.sections]

    missing = score_sections(sections, request.sections, followup).missing

    kinds = [entry["kind"] for entry in missing]
    order = ["risk", "medication", "allergy", "diagnosis", "plan", "substance", "symptom", "other"]
    assert kinds == sorted(kinds, key=order.index)
    assert kinds[0] == "risk"
    assert {entry["place"] for entry in missing} <= {"subjective", "objective", "assessment", "plan"}


def test_a_calibrated_score_rises_and_stays_a_probability() -> None:
    values = [calibrated(step / 20) for step in range(21)]

    assert values == sorted(values)
    assert 0 <= values[0] <= values[-1] <= 1
    assert expected_error([(0.9, True), (0.9, True), (0.9, False), (0.1, False)]) == pytest.approx(0.2)

"""The embedded engine as a whole."""

import pytest

from reports.generation import get_generator
from reports.generation.base import GenerationError
from reports.generation.embedded import EmbeddedGenerator
from reports.generation.titles import topic_for_title
from reports.generation.units import make_units
from reports.shipped import load_shipped

from .conftest import request_for, talk


def by_section(draft: object) -> dict[str, str]:
    return {section.id: " ".join(sentence.text for sentence in section.all_sentences()) for section in draft.sections}


def test_a_psychiatric_follow_up_is_put_under_its_headings(followup: tuple) -> None:
    draft = by_section(EmbeddedGenerator().generate(request_for(followup, "psychiatry_followup")))

    assert "feeling low for about 6 weeks" in draft["interval_history"]
    assert "The patient denies any thoughts of hurting herself or ending her life." in draft["risk_assessment"]
    assert "still taking the sertraline, 50 mg every morning" in draft["medication_response"]
    assert "eye contact is reduced" in draft["mental_status_examination"]
    assert "17" in draft["results"]
    assert "moderate depressive episode" in draft["assessment"]
    assert "increase the sertraline to 100 mg" in draft["plan"]
    assert "sleep diary" in draft["plan"]


def test_a_relatives_illness_stays_the_relatives(followup: tuple) -> None:
    draft = by_section(EmbeddedGenerator().generate(request_for(followup, "psychiatry_followup")))

    assert "Her brother has bipolar disorder. Her brother takes lithium." in draft["interval_history"]


def test_small_talk_is_left_out(followup: tuple, texts_of: object) -> None:
    texts = " ".join(texts_of(EmbeddedGenerator().generate(request_for(followup)).sections))

    assert "raining" not in texts
    assert "parking" not in texts


def test_teaching_is_told_as_teaching_and_not_as_history(followup: tuple) -> None:
    draft = by_section(EmbeddedGenerator().generate(request_for(followup, "birp")))

    assert "The clinician explained that alcohol can make depression worse" in draft["intervention"]
    assert "alcohol can make" not in draft["behavior"]
    assert "That makes sense." in draft["response"]


@pytest.mark.parametrize("slug", sorted(load_shipped()))
def test_every_sentence_of_every_template_cites_segments_of_the_session(slug: str, followup: tuple) -> None:
    draft = EmbeddedGenerator().generate(request_for(followup, slug))
    known = {segment.id for segment in followup}

    sentences = [one for one in (*draft.all_sentences(), *draft.unassigned) if not one.is_template]

    assert sentences
    for sentence in sentences:
        assert sentence.evidence
        assert set(sentence.evidence) <= known
        assert sentence.text[0].isupper() or not sentence.text[0].isalpha()
        assert sentence.text.rstrip("”")[-1] in ".?"


def test_what_was_not_discussed_is_a_status_without_words() -> None:
    draft = EmbeddedGenerator().generate(request_for(talk("p: I feel very anxious every morning."), "mse"))

    described = next(section for section in draft.sections if section.id == "described")
    statuses = {part.id: (part.status, part.sentences) for part in described.subsections}

    assert statuses["perception"] == ("not_discussed", ())
    assert statuses["mood_affect"][0] == "documented"


def test_facts_without_a_section_are_kept_apart(followup: tuple) -> None:
    draft = EmbeddedGenerator().generate(request_for(followup, "mse"))

    assert any("sertraline" in sentence.text for sentence in draft.unassigned)


def test_progress_is_told_section_by_section(followup: tuple) -> None:
    seen: list[tuple[str, int, int]] = []
    request = request_for(followup, "soap")

    EmbeddedGenerator().generate(request, progress=lambda *step: seen.append(step))

    assert seen == [("subjective", 1, 4), ("objective", 2, 4), ("assessment", 3, 4), ("plan", 4, 4)]


def test_the_same_session_gives_the_same_draft(followup: tuple) -> None:
    request = request_for(followup)

    assert EmbeddedGenerator().generate(request) == EmbeddedGenerator().generate(request)


def test_a_session_without_words_is_refused() -> None:
    with pytest.raises(GenerationError) as refusal:
        EmbeddedGenerator().generate(request_for(talk("p:  ")))

    assert refusal.value.code == "no_speech"
    assert not refusal.value.transient


def test_exchanged_speaker_labels_are_put_right() -> None:
    segments = talk(
        "p: What brings you in today? How are you sleeping?",
        "d: I cannot sleep and I cry all day, my appetite is gone.",
        "p: Are you taking your pills? Do you feel that you are safe?",
        "d: Yes, I take my pills and I am safe, my wife helps me.",
    )

    roles = {unit.segment_id: unit.role for unit in make_units(segments)}

    assert roles == {1: "doctor", 2: "patient", 3: "doctor", 4: "patient"}


def test_a_statement_that_ends_in_okay_is_not_a_question() -> None:
    [unit] = make_units(talk("d: I want to raise the dose to 100 mg , okay ?"))

    assert not unit.is_question


@pytest.mark.parametrize(
    ("title", "topic"),
    [
        ("Suicidality", "risk"),
        ("Presenting Problem", "chief_complaint"),
        ("Things to do before we meet again", "homework"),
        ("What the client told me", "history"),
        ("Drinking and drugs", "substance_use"),
        ("Case Formulation", "assessment"),
        ("PHQ-9 and GAD-7 Scores", "results"),
        ("Tablets", "medications"),
        ("Family History", "family_history"),
        ("Dangerousness", "risk"),
        ("Favourite colour", None),
    ],
)
def test_a_title_names_its_topic(title: str, topic: str | None) -> None:
    assert topic_for_title(title) == topic


def test_without_consent_to_the_cloud_the_embedded_engine_is_chosen(settings: object) -> None:
    settings.REPORT_BACKEND, settings.GEMINI_API_KEY = "gemini", "key"

    assert get_generator(allow_cloud=False).name == "embedded"
    assert get_generator(allow_cloud=True).name == "gemini"


@pytest.mark.parametrize(
    ("backend", "key", "engine"), [("", "", "embedded"), ("", "key", "gemini"), ("embedded", "key", "embedded")]
)
def test_the_engine_follows_the_settings(settings: object, backend: str, key: str, engine: str) -> None:
    settings.REPORT_BACKEND, settings.GEMINI_API_KEY = backend, key

    assert get_generator(allow_cloud=True).name == engine


def test_a_symptom_the_patient_denies_is_never_the_reason_for_the_visit() -> None:
    segments = talk(
        "d: Are you still taking prazosin?",
        "p: Yes, two milligrams at bedtime.",
        "p: No dizziness.",
        "d: I will see you in three weeks.",
    )

    draft = EmbeddedGenerator().generate(request_for(segments, "soap"))

    written = " ".join(by_section(draft).values())
    assert "Chief complaint" not in written
    assert "denies dizziness." in written

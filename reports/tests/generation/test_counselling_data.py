"""The counselling dialogues are written as their README says, and their notes rest on what was said."""

import pytest

from reports.generation.guard import Guard
from reports.generation.therapy_model import CLIENT_LABELS, CLINICIAN_LABELS
from tools.counselling import PARTS, load_dialogues, read_dialogue

DIALOGUES = load_dialogues()


def test_there_are_enough_sessions_and_some_are_kept_apart_for_measuring():
    assert len(DIALOGUES) >= 40
    assert 8 <= len(load_dialogues("valid")) <= 12
    assert {dialogue.split for dialogue in DIALOGUES} == {"train", "valid"}


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda dialogue: dialogue.name)
def test_a_session_is_numbered_labelled_and_has_a_note_that_cites_it(dialogue):
    numbers = [line.number for line in dialogue.lines]

    assert numbers == list(range(1, len(numbers) + 1))
    assert 25 <= len(numbers) <= 70
    assert dialogue.gender in ("male", "female", "")
    for line in dialogue.lines:
        assert line.label in (CLINICIAN_LABELS if line.speaker == "T" else CLIENT_LABELS), line
    assert {"S", "A", "P"} <= {sentence.part for sentence in dialogue.note} <= set(PARTS)
    for sentence in dialogue.note:
        assert sentence.evidence
        assert set(sentence.evidence) <= set(numbers), sentence


def test_the_drugs_of_a_note_stand_in_the_lines_it_cites():
    for dialogue in DIALOGUES:
        guard = Guard(dialogue.segments())
        for sentence in dialogue.note:
            flags = guard.check(sentence.text, sentence.evidence).flags
            wrong = [flag.detail for flag in flags if flag.kind in ("drug", "invalid_evidence", "no_evidence")]
            assert not wrong, (dialogue.name, sentence.text, wrong)


def test_a_line_that_is_not_written_as_it_should_be_is_refused(tmp_path):
    path = tmp_path / "session.txt"
    path.write_text("kind: x\ngender: \ntemplate: soap\nsplit: train\n\n1 T open Hello\n\nS\nHe said hello. [1]\n")

    with pytest.raises(ValueError, match="not a line of a dialogue"):
        read_dialogue(path)

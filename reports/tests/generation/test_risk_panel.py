"""What was said about risk: found whatever the engine, read with its question, its subject and its time."""

import json
import re
from pathlib import Path

import pytest

from bench.risk import matched, reads_as, statements_of
from reports.generation import risk_reading
from reports.generation.risk_lexicon import RISK_KINDS, one_of
from reports.generation.risk_panel import carried_over

LINES = json.loads((Path(__file__).parent / "data" / "risk_lines.json").read_text(encoding="utf-8"))
LABELLED = [row for row in LINES if row["said"]]
QUIET = [row for row in LINES if not row["said"]]


def test_the_public_lines_are_enough_of_every_kind():
    kinds = [label.split()[0] for row in LABELLED for label in row["said"]]

    assert len(LINES) >= 150
    assert len(QUIET) >= 40
    assert all(kinds.count(kind) >= 18 for kind in ("suicide", "self_harm", "violence", "abuse", "substance"))


def test_every_labelled_statement_is_found_and_read_right():
    wrong = []
    for row in LABELLED:
        labels = [label.split() for label in row["said"]]
        found = statements_of(row["talk"])
        pairs = list(matched(labels, found))
        if (
            len(pairs) < len(labels)
            or len(found) > len(labels)
            or not all(reads_as(one, label) for label, one in pairs)
        ):
            wrong.append(row["talk"])

    assert wrong == []


def test_idioms_are_not_listed():
    assert [row["talk"] for row in QUIET if statements_of(row["talk"])] == []


def test_words_repeated_thousands_of_times_are_read_a_bounded_number_of_times(monkeypatch):
    reads = []
    read = risk_reading.Conversation._read
    monkeypatch.setattr(
        risk_reading.Conversation,
        "_read",
        lambda self, turn, number, match: (
            reads.append(len(turn.sentences[number].plain)) or read(self, turn, number, match)
        ),
    )

    [statement] = statements_of(["P: " + "kill myself " * 4000])

    assert (statement["kind"], statement["polarity"], statement["subject"]) == ("suicide", "stated", "patient")
    assert statement["evidence"][0]["quote"].count("kill myself") == 4000
    assert len(reads) <= 2 * len(RISK_KINDS) * risk_reading._MOST_READ
    assert max(reads) <= 300 * len("myself ")


def test_among_hundreds_of_denials_the_last_word_is_read():
    found = statements_of(["P: " + "I do not want to kill myself. " * 400 + "I will kill myself."])

    assert [statement["polarity"] for statement in found] == ["denied", "stated"]


def test_a_question_and_its_answer_are_one_statement_with_both_quotes():
    [statement] = statements_of(["D: Any thoughts of suicide?", "P: No, I have had no thoughts of suicide."])

    assert [place["quote"] for place in statement["evidence"]] == [
        "Any thoughts of suicide?",
        "No, I have had no thoughts of suicide.",
    ]
    assert (statement["disposition"], statement["by"], statement["at"]) == ("", "", "")


@pytest.mark.parametrize(
    "answer", ["Oh sure, every day, ha ha.", "Maybe.", "Yes and no.", "No, but sometimes I think it."]
)
def test_an_answer_that_can_be_read_both_ways_is_marked_and_never_a_denial(answer):
    statement = statements_of(["D: Are you thinking about suicide?", f"P: {answer}"])[0]

    assert statement["is_unsure"]
    assert statement["polarity"] == "asked"


def test_a_decision_stays_with_its_words_and_goes_when_they_are_read_otherwise():
    old = statements_of(["P: I feel low.", "P: I want to kill myself."])
    old = [{**old[0], "disposition": "current", "by": "u", "at": "2026-01-01"}]

    same = carried_over(statements_of(["P: I feel very low.", "P: I want to kill myself now."]), old)
    other = carried_over(statements_of(["P: I feel low.", "P: I do not want to kill myself."]), old)

    assert same[0]["disposition"] == "current"
    assert other[0]["disposition"] == ""


def test_patterns_that_begin_with_a_word_find_as_one_what_each_finds():
    alternatives = [r"\bend it all\b", r"\b(?:pills|rope)\b", r"\bjump\w*"]

    together = one_of(alternatives)

    for said in ("to end it all", "a rope", "jumping off", "an umbrella", "bend it all"):
        assert bool(re.search(together, said)) == any(re.search(one, said) for one in alternatives)
    assert one_of([r"\brope\b", "rail"]) == r"\brope\b|rail"

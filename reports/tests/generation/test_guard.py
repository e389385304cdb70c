"""The checks of a sentence against what it cites."""

import random
import time
import timeit

import pytest

from reports.generation.guard import Guard, check_sentence
from tools.train_report_model import corrupt

from .conftest import talk

SESSION = talk(
    "d: Have you had any thoughts of ending your life?",
    "p: No, never.",
    "p: My brother has bipolar disorder and he tried to kill himself in 2015.",
    "p: I take 50 milligrams of sertraline every morning.",
    "p: My left knee hurts when I climb stairs.",
    "d: Any nausea or vomiting?",
    "p: No.",
    "p: I started feeling depressed in March after I lost my job.",
    "d: We will order an MRI of your back.",
    "p: I had two panic attacks last week and I wake up at three in the morning.",
    "d: Do you ever think about hurting your children?",
    "p: God, no.",
)


def kinds(text: str, *evidence: int) -> set[str]:
    return {flag.kind for flag in check_sentence(text, evidence, SESSION).flags}


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("Denies any thoughts of ending her life.", (1, 2)),
        ("Her brother has bipolar disorder and tried to kill himself in 2015.", (3,)),
        ("She takes 50 mg of sertraline every morning.", (4,)),
        ("She takes Zoloft 50 mg in the morning.", (4,)),
        ("Her left knee hurts when she climbs stairs.", (5,)),
        ("Denies any nausea or vomiting.", (6, 7)),
        ("She started feeling depressed in March after she lost her job.", (8,)),
        ("We will order an MRI of her back.", (9,)),
        ("She had 2 panic attacks last week and wakes up at 3 in the morning.", (10,)),
    ],
)
def test_a_true_sentence_is_supported(text: str, evidence: tuple[int, ...]) -> None:
    result = check_sentence(text, evidence, SESSION)

    assert result.flags == ()
    assert result.support == "supported"


@pytest.mark.parametrize(
    ("text", "evidence", "kind"),
    [
        ("She takes sertraline.", (), "no_evidence"),
        ("She takes sertraline.", (99,), "invalid_evidence"),
        ("She takes sertraline every morning.", (4, 99), "invalid_evidence"),
        ("She takes 100 mg of sertraline every morning.", (4,), "number"),
        ("She takes 50 mg of lithium every morning.", (4,), "drug"),
        ("Her right knee hurts when she climbs stairs.", (5,), "side"),
        ("Her right elbow hurts.", (5,), "body_part"),
        ("She has schizophrenia since March.", (8,), "diagnosis"),
        ("We will order an EEG.", (9,), "test"),
        ("She started feeling depressed in June after she lost her job.", (8,), "date"),
        ("She has bipolar disorder.", (3,), "other_person"),
        ("Her sister has bipolar disorder.", (3,), "other_person"),
        ("Denies suicidal thoughts.", (7,), "risk_statement"),
        ("She has thoughts of ending her life.", (1, 2), "risk_statement"),
        ("Denies thoughts of hurting others.", (4,), "risk_statement"),
    ],
)
def test_a_false_sentence_is_unsupported_and_the_reason_is_named(
    text: str, evidence: tuple[int, ...], kind: str
) -> None:
    result = check_sentence(text, evidence, SESSION)

    assert result.support == "unsupported"
    assert kind in {flag.kind for flag in result.flags if flag.is_hard}
    assert all(flag.detail.endswith(".") for flag in result.flags)


def test_an_answer_turned_around_is_flagged() -> None:
    assert kinds("Reports nausea and vomiting.", 6, 7) == {"negation"}


def test_a_sentence_of_another_session_has_weak_support() -> None:
    result = check_sentence("Rhythm is regular without murmurs, rubs or gallops.", (8,), SESSION)

    assert result.support == "partial"
    assert [flag.kind for flag in result.flags] == ["weak_support"]


def test_a_flag_is_stored_as_kind_and_detail() -> None:
    [flag] = check_sentence("She takes 100 mg of sertraline every morning.", (4,), SESSION).flags

    assert flag.as_json() == {
        "kind": "number",
        "detail": "The number 100 is not in the cited words; it was said nowhere in the session.",
    }


def test_checking_a_sentence_takes_less_than_five_milliseconds() -> None:
    long_session = talk(*(f"p: {number} {item.text}" for number in range(40) for item in SESSION))
    guard = Guard(long_session)
    guard.check("She takes 50 mg of sertraline every morning.", (4,))

    fastest = min(
        timeit.repeat(
            lambda: guard.check(
                "She takes 50 mg of sertraline every morning and her left knee hurts when she climbs stairs.", (4, 5)
            ),
            timer=time.thread_time,
            number=10,
            repeat=8,
        )
    )

    assert fastest / 10 < 0.005


def test_a_filler_that_was_said_is_found_in_the_cited_words() -> None:
    segments = talk("p: I basically stay in bed all day.")

    assert check_sentence("She basically stays in bed all day.", (1,), segments).flags == ()


def test_a_test_by_a_longer_name_is_no_injected_error() -> None:
    changed = [corrupt("entity", "The CT of the abdomen.", random.Random(seed), []) for seed in range(30)]

    assert all(changed)
    assert not any("CT" in str(sentence) for sentence in changed)

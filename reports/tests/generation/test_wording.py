"""Slips that every word of a sentence being said does not show."""

import pytest

from reports.generation.guard import check_sentence

from .conftest import talk

SESSION = talk(
    "p: They did blood tests and everything was normal.",
    "p: I tried it a few times but it did not work, so I stopped.",
    "p: She is running around, and she does not have any problems.",
    "p: I took some Tylenol, then I took some ibuprofen.",
    "p: It has been bad for three weeks. My A1c is 6.7 now.",
    "d: I hear a murmur at the left base, and I will put you in a knee brace. You should rest.",
    "p: I felt like nobody would notice.",
    "d: Your neck looks fine. The chest x-ray is clear. Come back in one to two weeks.",
)


def kinds(text: str, *evidence: int) -> set[str]:
    return {flag.kind for flag in check_sentence(text, evidence, SESSION).flags}


@pytest.mark.parametrize(
    ("text", "evidence", "kind"),
    [
        ("They did blood tests and everything was not normal.", 1, "negation"),
        ("He tried it a few times but it did work, so he stopped.", 2, "negation"),
        ("She is running around, and she does have any problems.", 3, "negation"),
        ("He took ibuprofen, he took ibuprofen.", 4, "drug"),
        ("His A1c is 3 now.", 5, "number"),
        ("There is a murmur at the right base.", 6, "side"),
        ("We will put him in a shoulder brace.", 6, "body_part"),
        ("He said: “I knew that nobody would notice.”", 7, "quote"),
        ("The neck x-ray is clear.", 8, "body_part"),
        ("He will come back in one to 1 weeks.", 8, "number"),
    ],
)
def test_a_slip_is_found_and_named(text: str, evidence: int, kind: str) -> None:
    assert kind in kinds(text, evidence)


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("They did blood tests and everything was normal.", 1),
        ("He tried it a few times but it did not work, so he stopped.", 2),
        ("He took Tylenol, then he took ibuprofen.", 4),
        ("His A1c is 6.7 now, and it has been bad for 3 weeks.", 5),
        ("There is a murmur at the left base.", 6),
        ("We will put him in a knee brace.", 6),
        ("He said: “I felt like nobody would notice.”", 7),
        ("The chest x-ray is clear.", 8),
        ("He will come back in 1 to 2 weeks.", 8),
    ],
)
def test_what_was_said_so_is_not_flagged(text: str, evidence: int) -> None:
    assert kinds(text, evidence) == set()

"""Instructions the built-in writer follows, and those it refuses."""

import pytest

from reports.generation.base import DraftSection, DraftSentence, GenerationError
from reports.generation.reshaping import Wish, read_wish, reshape
from reports.templating.structure import Section

SECTION = Section("history", "History")
LINES = (
    DraftSentence("She sleeps badly.", (1,), 0.9),
    DraftSentence("She likes her new flat.", (2,), 0.3),
    DraftSentence("She denies thoughts of suicide.", (3,), 0.1),
    DraftSentence("She takes sertraline 50 mg.", (4,), 0.2),
    DraftSentence("Work is busy.", (5,), 0.5),
)
CURRENT = DraftSection("history", "documented", LINES)


def texts(section: DraftSection) -> list[str]:
    return [sentence.text for sentence in section.sentences]


@pytest.mark.parametrize(
    ("instruction", "wish"),
    [
        ("shorter", Wish("shorter")),
        ("Make this section a bit shorter, please.", Wish("shorter")),
        ("concise", Wish("shorter")),
        ("Longer", Wish("fuller")),
        ("more detail", Wish("fuller")),
        ("as bullet points", Wish("", "bullets")),
        ("Put it into a bulleted list", Wish("", "bullets")),
        ("as running text", Wish("", "prose")),
        ("write it as a paragraph", Wish("", "prose")),
        ("shorter and as bullet points", Wish("shorter", "bullets")),
        ("Longer, in paragraphs!", Wish("fuller", "prose")),
    ],
)
def test_a_wish_about_length_or_form_is_understood(instruction: str, wish: Wish) -> None:
    assert read_wish(instruction) == wish


@pytest.mark.parametrize(
    "instruction",
    [
        "Sound more hopeful",
        "shorter, and say that she is fit for work",
        "Do not make it shorter",
        "shorter and longer",
        "bullets, as running text",
        "Translate into German",
        "please",
        "!",
    ],
)
def test_any_other_wish_is_refused_with_what_is_possible(instruction: str) -> None:
    with pytest.raises(GenerationError) as refusal:
        read_wish(instruction)

    assert (refusal.value.code, refusal.value.transient) == ("instruction_refused", False)
    assert "bullet points" in refusal.value.message


def test_shorter_keeps_what_is_likeliest_and_never_drops_harm_drugs_or_doses() -> None:
    shorter = reshape(SECTION, CURRENT, Wish("shorter"), lambda: CURRENT)

    assert texts(shorter) == ["She sleeps badly.", "She denies thoughts of suicide.", "She takes sertraline 50 mg."]


def test_longer_adds_only_what_is_new_where_it_was_said() -> None:
    detailed = DraftSection(
        "history",
        "documented",
        (
            DraftSentence("She sleeps badly.", (1,), 0.9),
            DraftSentence("Her sister visited on Sunday.", (3,), 0.2),
            DraftSentence("She walks to work.", (6,), 0.2),
        ),
    )

    fuller = reshape(SECTION, CURRENT, Wish("fuller"), lambda: detailed)

    assert len(fuller.sentences) == len(LINES) + 2
    assert texts(fuller).index("Her sister visited on Sunday.") == 3
    assert texts(fuller)[-1] == "She walks to work."


def test_form_changes_no_word_and_leaves_headings() -> None:
    heading = DraftSentence("Sleep", (1,), layout="heading")
    current = DraftSection("history", "documented", (heading, *LINES))

    bullets = reshape(SECTION, current, Wish("", "bullets"), lambda: current)

    assert texts(bullets) == ["Sleep", *(line.text for line in LINES)]
    assert [line.layout for line in bullets.sentences] == ["heading", *["item"] * len(LINES)]


def test_a_table_keeps_its_rows() -> None:
    table = Section("medications", "Medications", type="table")
    rows = tuple(DraftSentence(f"Drug: {name}", (1,), cells=(("drug", name),)) for name in ("a", "b", "c"))
    current = DraftSection("medications", "documented", rows)

    assert reshape(table, current, Wish("shorter", "prose"), lambda: current) == current

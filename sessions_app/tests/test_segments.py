"""Segments as plain data: words keep their times over every correction, and no id stands for two things."""

import pytest

from sessions_app.tests.factories import segment_of
from sessions_app.transcripts import segments


def line(text, start_ms=0, end_ms=4_000, **fields):
    return {**segment_of("doctor", start_ms, end_ms, text), "id": 1, "original_text": None, **fields}


def test_words_that_stay_keep_their_times_and_typed_ones_share_the_time_between():
    words = segment_of("doctor", 0, 4_000, "I am on fifteen")["words"]

    aligned = segments.align_words(words, "I am on fifty milligrams now", start_ms=0, end_ms=4_000)

    assert [(word["text"], word["start_ms"], word["end_ms"]) for word in aligned] == [
        ("I", 0, 1_000),
        ("am", 1_000, 2_000),
        ("on", 2_000, 3_000),
        ("fifty", 3_000, 3_333),
        ("milligrams", 3_333, 3_667),
        ("now", 3_667, 4_000),
    ]
    assert aligned[3]["confidence"] == 1.0


def test_aligned_times_never_run_backwards():
    words = segment_of("doctor", 1_000, 5_000, "a b c d e f")["words"]

    for text in ("x", "a x b c", "f e d c b a", "", "a b c d e f g h"):
        aligned = segments.align_words(words, text, start_ms=1_000, end_ms=5_000)
        starts = [word["start_ms"] for word in aligned]
        assert starts == sorted(starts)
        assert [word["text"] for word in aligned] == text.split()


def test_a_split_line_keeps_its_id_words_and_times():
    first, second = segments.split(line("I am on fifteen"), 2, new_id=9)

    assert (first["id"], first["text"], first["start_ms"], first["end_ms"]) == (1, "I am", 0, 2_000)
    assert (second["id"], second["text"], second["start_ms"], second["end_ms"]) == (9, "on fifteen", 2_000, 4_000)
    assert [word["text"] for word in second["words"]] == ["on", "fifteen"]


def test_a_line_without_words_is_split_by_its_share_of_the_time():
    first, second = segments.split(line("one two three four", words=[]), 3, new_id=9)

    assert (first["end_ms"], second["start_ms"]) == (3_000, 3_000)


@pytest.mark.parametrize("place", [0, -1, 4, 99])
def test_a_line_is_split_between_two_of_its_words_only(place):
    with pytest.raises(segments.NotCorrectable):
        segments.split(line("I am on fifteen"), place, new_id=9)


def test_each_half_of_a_split_line_keeps_its_share_of_what_was_heard():
    changed = segments.corrected(line("I am on fifteen every day"), text="I am on fifty every single day")

    first, second = segments.split(changed, 4, new_id=9)

    assert (first["text"], first["original_text"]) == ("I am on fifty", "I am on fifteen")
    assert (second["text"], second["original_text"]) == ("every single day", "every day")


def test_merged_lines_are_one_with_the_first_id_and_the_words_of_both():
    whole = segments.merged(line("I am on"), line("fifteen now", 4_100, 6_000, id=2, speaker="patient"))

    assert (whole["id"], whole["speaker"], whole["text"]) == (1, "doctor", "I am on fifteen now")
    assert (whole["start_ms"], whole["end_ms"], len(whole["words"])) == (0, 6_000, 5)
    assert segments.words_of(whole)


def test_splitting_what_was_merged_gives_the_same_lines():
    one, two = line("I am on"), line("fifteen now", 4_100, 6_000, id=2)

    first, second = segments.split(segments.merged(one, two), 3, new_id=3)

    assert (first["text"], first["start_ms"], first["end_ms"]) == ("I am on", 0, 4_000)
    assert (second["text"], second["start_ms"], second["end_ms"]) == ("fifteen now", 4_100, 6_000)


def test_a_confirmed_word_is_sure_and_says_no_more_what_was_heard():
    doubtful = line(
        "Any sertraline", words=segment_of("doctor", 0, 4_000, "Any sertraline", doubtful="sertraline")["words"]
    )
    doubtful["words"][1]["heard"] = "certain"

    sure = segments.confirmed(doubtful, 1)

    assert sure["words"][1]["confidence"] == 1.0
    assert "heard" not in sure["words"][1]
    assert sure["text"] == doubtful["text"]


@pytest.mark.parametrize(
    ("wanted", "whole_words", "match_case", "found"),
    [
        ("no", True, False, ["No", "no"]),
        ("no", True, True, ["no"]),
        ("no", False, False, ["No", "no", "no"]),
        ("no  nausea.", True, False, ["no nausea."]),
        ("have.", False, False, []),
    ],
)
def test_a_search_finds_whole_words_and_case_as_asked(wanted, whole_words, match_case, found):
    pattern = segments.pattern_for(wanted, whole_words=whole_words, match_case=match_case)

    assert pattern.findall("No, I have no nausea. I know") == found


def test_nothing_is_searched_for_without_words():
    with pytest.raises(segments.NotCorrectable):
        segments.pattern_for("  ", whole_words=True, match_case=False)

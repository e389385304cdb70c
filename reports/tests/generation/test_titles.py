"""Titles a clinician may write, and the topic each names: `data/titles.txt`, a title and its topic a line."""

from pathlib import Path

import pytest

from reports.generation.titles import topic_for_title
from reports.templating.structure import TOPICS

TITLES = [line.split("|") for line in (Path(__file__).parent / "data" / "titles.txt").read_text().splitlines()]


def test_every_title_of_the_list_names_its_topic() -> None:
    wrong = [(title, topic, topic_for_title(title)) for title, topic in TITLES if topic_for_title(title) != topic]

    assert wrong == []


def test_the_list_has_every_topic() -> None:
    assert {topic for _, topic in TITLES} == set(TOPICS)


@pytest.mark.parametrize("title", ["Favourite colour", "Zebra", "1", "Miscellaneous"])
def test_a_title_that_names_nothing_we_know_has_no_topic(title: str) -> None:
    assert topic_for_title(title) is None

"""What an audit rule may look at of one report."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reports.content import Section, Sentence, walk


@dataclass(frozen=True)
class Note:
    """A report with what is known around it. Times are minutes and days; nothing in it is changed by an audit."""

    sections: list[Section]
    topics: Mapping[str, tuple[str, ...]]  # of each place that holds sentences, by its id
    unfilled: tuple[tuple[str, str], ...] = ()  # top-level id and title of required places without a line
    is_signed: bool = False
    days_unsigned: int = 0
    days_allowed: int = 0
    minutes: int | None = None  # face to face: end less start less pauses
    billing_code: str = ""
    template_slug: str = ""
    is_telehealth: bool = False
    risk_statements: list[dict[str, Any]] = field(default_factory=list)
    previous_lines: tuple[str, ...] = ()  # of the patient's last signed report by the same doctor

    def lines(self) -> Iterator[tuple[str, Sentence]]:
        """Yield every sentence with the id of its top-level section; headings and the template's own text are no sentences."""
        for top in self.sections:
            for section in walk([top]):
                for sentence in section["sentences"]:
                    if sentence["origin"] != "template" and sentence.get("layout") != "heading":
                        yield top["id"], sentence

    def lines_about(self, *topics: str) -> Iterator[tuple[str, Sentence]]:
        """Yield the sentences of sections about one of the topics."""
        for top in self.sections:
            for section in walk([top]):
                if not set(topics).isdisjoint(self.topics.get(section["id"], ())):
                    yield from ((top["id"], sentence) for sentence in section["sentences"])

    def place_of(self, *topics: str) -> str:
        """Return the id of the first top-level section about the first of the topics that has one, or nothing."""
        for topic in topics:
            for top in self.sections:
                if any(topic in self.topics.get(part["id"], ()) for part in walk([top])):
                    return top["id"]
        return ""

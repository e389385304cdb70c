"""Read the counselling dialogues with notes; tools/data/counselling/README.md says how they are written."""

import re
from dataclasses import dataclass
from pathlib import Path

from reports.generation.base import TranscriptSegment

FOLDER = Path(__file__).parent / "data" / "counselling"
SPEAKERS = {"T": "doctor", "C": "patient", "P": "patient_2"}
PARTS = {"S": "Subjective", "O": "Objective", "A": "Assessment", "P": "Plan"}
_LINE = re.compile(r"(\d+) ([TCP]) (\w+) \| (.+)")
_SENTENCE = re.compile(r"(.+) \[([\d ]+)\]")


@dataclass(frozen=True, slots=True)
class Line:
    """One statement of a session and what it is; `number` is also the id of its segment."""

    number: int
    speaker: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class NoteSentence:
    """One sentence of a reference note, its part (a letter of SOAP) and the numbers of the lines it rests on."""

    part: str
    text: str
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A session with its note."""

    name: str
    kind: str
    gender: str
    template: str
    split: str
    lines: tuple[Line, ...]
    note: tuple[NoteSentence, ...]

    def segments(self) -> tuple[TranscriptSegment, ...]:
        return tuple(TranscriptSegment(line.number, 0, 0, SPEAKERS[line.speaker], line.text) for line in self.lines)

    def note_text(self) -> str:
        """Return the note as plain text: each part a heading and one paragraph."""
        blocks = []
        for letter, title in PARTS.items():
            said = " ".join(sentence.text for sentence in self.note if sentence.part == letter)
            if said:
                blocks.append(f"{title}\n{said}")
        return "\n\n".join(blocks)


def load_dialogues(split: str = "") -> list[Dialogue]:
    """Return the sessions of a split, or all of them, by name."""
    found = [read_dialogue(path) for path in sorted(FOLDER.glob("*.txt"))]
    return [dialogue for dialogue in found if split in ("", dialogue.split)]


def read_dialogue(path: Path) -> Dialogue:
    """Return one session; raise ValueError where a line is not written as the format says."""
    head, lines, note = path.read_text(encoding="utf-8").strip().split("\n\n")
    about = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in head.splitlines())}
    return Dialogue(
        path.stem,
        about["kind"],
        about["gender"],
        about["template"],
        about["split"],
        tuple(_line(text, path) for text in lines.splitlines()),
        tuple(_note_sentences(note.splitlines(), path)),
    )


def _line(text: str, path: Path) -> Line:
    match = _LINE.fullmatch(text)
    if match is None:
        raise ValueError(f"{path.name}: not a line of a dialogue: {text}")
    return Line(int(match.group(1)), match.group(2), match.group(3), match.group(4))


def _note_sentences(lines: list[str], path: Path) -> list[NoteSentence]:
    found: list[NoteSentence] = []
    part = ""
    for text in lines:
        if text in PARTS:
            part = text
            continue
        match = _SENTENCE.fullmatch(text)
        if match is None or not part:
            raise ValueError(f"{path.name}: not a sentence of a note: {text}")
        found.append(NoteSentence(part, match.group(1), tuple(int(number) for number in match.group(2).split())))
    return found

"""Put what a doctor did to a draft over a newer draft of the same session. Pure: plain sections in, plain sections out."""

from collections.abc import Collection, Iterable, Sequence

from reports.content import Evidence, Section, Sentence, all_sentences, find_section, walk
from reports.generation.textnorm import content_words

_SAME_WORDS = 0.5  # share of the shorter sentence's content words, when both rest on the same place
_SAME_PLACE = 0.5  # share of the shorter utterance that overlaps


def merge(
    fresh: list[Section],
    old: Sequence[Section],
    *,
    kept: Collection[str],
    gone: Iterable[Sentence],
    written_as: dict[str, list[Sentence]],
    used: Collection[str],
) -> list[Section]:
    """Return the fresh sections with the kept lines of the old ones in their places.

    `kept` are ids of lines the doctor touched; what a fresh line says again is left out, also when she had changed its
    words (`written_as`: earlier wordings by id) or removed it (`gone`). A line that says exactly what an untouched old
    one said keeps its id; every other fresh line gets an id that is not among `used`, so that nothing kept in the log
    is about it.
    """
    lasting = [line for line in all_sentences(old) if line["id"] in kept]
    wordings = [*gone, *lasting, *(line for lines in written_as.values() for line in lines)]
    known = {
        (section["id"], line["text"]): line["id"]
        for section in walk(old)
        for line in section["sentences"]
        if line["id"] not in kept
    }
    taken = set(used) | {line["id"] for line in all_sentences(old)}
    for section in walk(fresh):
        section["sentences"] = [
            line for line in section["sentences"] if not any(says_the_same(line, other) for other in wordings)
        ]
        for line in section["sentences"]:
            line["id"] = known.pop((section["id"], line["text"]), "") or free_id(taken)
    for section in walk(old):
        target = find_section(fresh, section["id"])
        for index, line in enumerate(section["sentences"]):
            if line["id"] in kept and target is not None:
                target["sentences"].insert(_place_for(line, target, section["sentences"][:index]), line)
    return fresh


def says_the_same(one: Sentence, other: Sentence) -> bool:
    """Tell whether two lines say the same: the same item, the same words, or much the same about the same moment."""
    if one.get("item") and one.get("item") == other.get("item"):
        return True
    if _plain(one["text"]) == _plain(other["text"]):
        return True
    mine, theirs = set(content_words(one["text"])), set(content_words(other["text"]))
    shorter = min(len(mine), len(theirs))
    if not shorter or len(mine & theirs) < _SAME_WORDS * shorter:
        return False
    return any(_overlap(a, b) for a in one["evidence"] for b in other["evidence"])


def _overlap(one: Evidence, other: Evidence) -> bool:
    start = max(one["start_ms"], other["start_ms"])
    end = min(one["end_ms"], other["end_ms"])
    shorter = min(place["end_ms"] - place["start_ms"] for place in (one, other))
    return bool(end - start > _SAME_PLACE * shorter)


def _place_for(line: Sentence, target: Section, before: Sequence[Sentence]) -> int:
    """Return where a kept line goes: after the line it followed, else by its moment, else at the end."""
    ids = [known["id"] for known in target["sentences"]]
    if before and before[-1]["id"] in ids:
        return ids.index(before[-1]["id"]) + 1
    if not before and not line["evidence"]:
        return 0
    moment = _moment(line)
    if moment is None:
        return len(ids)
    earlier = [i for i, known in enumerate(target["sentences"]) if (_moment(known) or 0) <= moment]
    return earlier[-1] + 1 if earlier else 0


def _moment(line: Sentence) -> int | None:
    return min((place["start_ms"] for place in line["evidence"]), default=None)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def free_id(taken: set[str]) -> str:
    """Return an id that is not among those taken, and take it."""
    number = 1
    while f"s{number}" in taken:
        number += 1
    taken.add(f"s{number}")
    return f"s{number}"

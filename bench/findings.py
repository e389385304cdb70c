"""Whether what is taken out of a report is named as left out, and how honest its confidence is.

Run as a part of `make bench`, or alone: `python -m bench.findings`. Needs BENCH_DATA/notes with aci_bench_valid.json and
aci_bench_train.json. From each drafted visit three sentences are taken that its reference note holds too and no other
sentence says; one is named when an entry of `missing` cites its place and has half of its words. Confidence is measured as
expected calibration error: a sentence counts as kept when its words align with the reference note.
"""

import copy
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TAKEN = 3
HELD_FROM = 0.6  # share of a drafted sentence's words that one sentence of the note has
SAID_AGAIN_FROM = 0.7
NAMED_FROM = 0.5


def run() -> Iterator[dict[str, Any]]:
    """Yield the share named, the entries a visit, and the calibration error."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    notes = Path(os.environ["BENCH_DATA"]) / "notes" if os.environ.get("BENCH_DATA") else None
    if notes is None or not (notes / "aci_bench_valid.json").is_file():
        yield {
            "bench": "left out of a report, named",
            "skipped": "set BENCH_DATA to a folder with notes/aci_bench_valid.json",
        }
        return
    visits = json.loads((notes / "aci_bench_valid.json").read_text(encoding="utf-8"))
    named, taken, entries = _named(visits)
    yield _figure("left out of a report, named", named / max(1, taken), "share", taken)
    yield _figure("left out of a report, entries a visit", entries / len(visits), "entries", len(visits))
    train = json.loads((notes / "aci_bench_train.json").read_text(encoding="utf-8"))
    yield from _calibration(visits, train)


def _named(visits: list[dict[str, Any]]) -> tuple[int, int, int]:
    from bench.reports import _draft
    from reports.generation.assemble import iter_sentences
    from reports.generation.scores import score_sections
    from reports.shipped import load_shipped
    from reports.templating.structure import parse_structure
    from tools.train_report_model import note_sentences, segments_of

    chance = random.Random(7)
    structure = parse_structure(load_shipped()["general"]["structure"])
    named = taken = entries = 0
    for visit in visits:
        sections = copy.deepcopy(_draft(visit, "general").sections)
        reference = [_words(sentence) for _, sentence in note_sentences(visit["note"])]
        held = [line for line in iter_sentences(sections) if line["evidence"] and _is_held(line["text"], reference)]
        chosen = chance.sample(held, min(TAKEN, len(held)))
        for line in chosen:
            line["removed"] = True
        rest = [_words(line["text"]) for line in iter_sentences(sections)]
        missing = score_sections(sections, structure, segments_of(visit["segments"])).missing
        entries += len(missing)
        for line in chosen:
            words = _words(line["text"])
            if any(len(words & other) >= SAID_AGAIN_FROM * len(words) for other in rest):
                continue
            taken += 1
            named += any(_names(entry, line) for entry in missing)
    return named, taken, entries


def _calibration(visits: list[dict[str, Any]], train: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    from reports.generation.calibration import calibrated, expected_error
    from reports.generation.textnorm import content_words
    from tools.fit_confidence import pairs_of
    from tools.train_report_model import inverse_frequencies

    weights, unseen = inverse_frequencies(
        [content_words(one["dialogue"]) + content_words(one["note"]) for one in train]
    )
    pairs = pairs_of(visits, lambda word: weights.get(word, unseen))
    for name, scored in (("", [(calibrated(score), kept) for score, kept in pairs]), (", not calibrated", pairs)):
        error = expected_error(scored)
        yield {
            "bench": f"report confidence, expected calibration error{name}",
            "value": round(error, 3),
            "unit": "probability",
            "ratio_to": {"limit": round(error / 0.05, 2)},
            "n": len(pairs),
        }


def _words(text: str) -> set[str]:
    from reports.generation.textnorm import content_words

    return set(content_words(text))


def _is_held(text: str, reference: list[set[str]]) -> bool:
    words = _words(text)
    return len(words) >= 3 and any(len(words & other) >= HELD_FROM * len(words) for other in reference)


def _names(entry: dict[str, Any], line: dict[str, Any]) -> bool:
    places = {place["segment"] for place in line["evidence"]}
    words = _words(line["text"])
    cites = any(place["segment"] in places for place in entry["evidence"])
    return cites and len(words & _words(entry["text"])) >= NAMED_FROM * len(words)


def _figure(name: str, value: float, unit: str, count: int) -> dict[str, Any]:
    return {"bench": name, "value": round(value, 3), "unit": unit, "ratio_to": {}, "n": count}


if __name__ == "__main__":
    for figure in run():
        print(json.dumps(figure), flush=True)

"""How near the embedded engine's notes of counselling sessions come to notes a therapist wrote.

Measured on our own dialogues that no weights were trained on, and, where BENCH_DATA/notes holds tneval_annomi_30.json, on
those sessions: they have no licence, so nothing of them is in the product. The text is a report's `content` in the SOAP form;
the reference the parts of the therapist's note, one a line. ROUGE as in bench.reports.
"""

import itertools
import json
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Llama-3.1-70B's notes of the same 30 sessions against the therapists', measured with the same settings.
LANGUAGE_MODEL = {"rouge1": 39.9, "rouge2": 10.5, "rougeLsum": 32.07}


def run(notes: Path | None) -> Iterator[dict[str, Any]]:
    """Yield ROUGE, length and the share of flagged lines on both sets."""
    from tools.counselling import load_dialogues

    held_out = load_dialogues("valid")
    own = [(dialogue.segments(), dialogue.gender, dialogue.note_text()) for dialogue in held_out]
    yield from _figures("own counselling sessions, held out", own, {})
    path = notes / "tneval_annomi_30.json" if notes else None
    if path is None or not path.is_file():
        yield {
            "bench": "therapy note ROUGE, AnnoMI with TN-Eval notes",
            "skipped": "set BENCH_DATA to a folder with notes/tneval_annomi_30.json",
        }
        return
    from tools.train_report_model import segments_of

    items = json.loads(path.read_text(encoding="utf-8"))
    given = [(segments_of(item["segments"]), "", "\n".join(item["human_note"].values())) for item in items]
    yield from _figures("AnnoMI with TN-Eval notes", given, LANGUAGE_MODEL)
    known = [(segments, _gender_in(note), note) for segments, _, note in given]
    yield from itertools.islice(_figures("AnnoMI with TN-Eval notes, gender known", known, LANGUAGE_MODEL), 3)


def _gender_in(note: str) -> str:
    """Return the gender by the therapist's pronouns: the product has it from the patient's record, these sessions have none."""
    male, female = (len(re.findall(rf"\b(?:{words})\b", note.lower())) for words in ("he|his|him", "she|her"))
    return "" if male == female else "male" if male > female else "female"


def _figures(where: str, sessions: list[Any], published: dict[str, float]) -> Iterator[dict[str, Any]]:
    from rouge_score import rouge_scorer

    from reports.generation.assemble import iter_sentences

    reports = [(_draft(segments, gender), note) for segments, gender, note in sessions]
    scorer = rouge_scorer.RougeScorer(list(LANGUAGE_MODEL))
    scores = [scorer.score(note, report.content) for report, note in reports]
    for name in LANGUAGE_MODEL:
        value = round(100 * statistics.fmean(score[name].fmeasure for score in scores), 2)
        ratio = {"Llama-3.1-70B": round(value / published[name], 3)} if published else {}
        yield _figure(f"therapy note {name}, {where}", value, "F1 x 100", ratio, len(reports))
    lines = [line for report, _ in reports for line in iter_sentences(report.sections)]
    flagged = sum(line["support"] != "supported" for line in lines) / max(1, len(lines))
    yield _readability(
        where,
        [[(line["text"], line.get("layout", "prose")) for line in iter_sentences(one.sections)] for one, _ in reports],
    )
    words = statistics.fmean(len(report.content.split()) for report, _ in reports)
    written = statistics.fmean(len(note.split()) for _, note in reports)
    yield _figure(f"therapy note lines flagged, {where}", round(flagged, 3), "share", {"limit": 0.03}, len(lines))
    yield _figure(f"therapy note length, {where}", round(words), "words", {"therapists": round(written)}, len(reports))


def _readability(where: str, notes: list[list[tuple[str, str]]]) -> dict[str, Any]:
    """Return the share of sentences that read well, all notes together; `ratio_to` has the share with each kind of defect."""
    from reports.generation.readability import readability

    lines = sum(map(len, notes)) or 1
    by_note = [(readability(note, is_talk=True), len(note) / lines) for note in notes]
    shares = {kind: round(sum(share[kind] * part for share, part in by_note), 3) for kind in by_note[0][0]}
    clean = shares.pop("clean")
    return _figure(f"therapy note sentences that read well, {where}", clean, "share", shares, lines)


def _draft(segments: Any, gender: str) -> Any:
    from reports.generation import get_generator
    from reports.generation.assemble import assemble
    from reports.generation.base import GenerationContext, GenerationRequest
    from reports.shipped import load_shipped
    from reports.templating.structure import parse_structure

    request = GenerationRequest(
        sections=parse_structure(load_shipped()["soap"]["structure"]),
        segments=segments,
        context=GenerationContext(gender=gender),
    )
    return assemble(get_generator(allow_cloud=False).generate(request), request)


def _figure(name: str, value: float, unit: str, ratio: dict[str, float], count: int) -> dict[str, Any]:
    return {"bench": name, "value": value, "unit": unit, "ratio_to": ratio, "n": count}

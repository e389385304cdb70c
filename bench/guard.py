"""What the guard finds and what it flags in vain.

Run as a part of `make bench`, or alone: `python -m bench.guard`. Injected errors: the embedded engine's own cited
sentences of BENCH_DATA/notes/aci_bench_valid.json, each kind of error made by `tools.train_report_model.corrupt`; ten of
each kind make the fifty errors the published figure is about, four seeds make the larger sample. Natural errors:
sentences of therapists' and language models' notes, none of them cited, each judged faithful or not by two raters
(BENCH_DATA/notes/tneval_annomi_30.json).
"""

import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SEEDS = (11, 12, 13, 14)
ERRORS_OF_EACH_VISIT = 5
INJECTED_OF_EACH_KIND = 10
WRITERS = {"human": "human_note", "llm_llama31_70B": "llama70b_note", "llm_mistral_large_v2": "mistral_note"}
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


def run() -> Iterator[dict[str, Any]]:
    """Yield recall, precision and false flags on injected errors, and the area under the curve on natural ones."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    notes = Path(os.environ["BENCH_DATA"]) / "notes" if os.environ.get("BENCH_DATA") else None
    for name, measure in (("aci_bench_valid", _injected), ("tneval_annomi_30", _natural)):
        path = notes / f"{name}.json" if notes else None
        if path and path.is_file():
            yield from measure(json.loads(path.read_text(encoding="utf-8")))
        else:
            yield {"bench": f"report guard, {name}", "skipped": f"set BENCH_DATA to a folder with notes/{name}.json"}


def _injected(visits: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    from reports.generation.guard import Guard
    from tools.train_report_model import ERROR_KINDS, guard_examples, segments_of

    guards = [Guard(segments_of(visit["segments"])) for visit in visits]

    def is_flagged(example: Any) -> bool:
        visit, text, evidence, _ = example
        return guards[visit].check(text, evidence).support != "supported"

    samples = [guard_examples(visits, random.Random(seed), ERRORS_OF_EACH_VISIT) for seed in SEEDS]
    right = [example for example in samples[0] if not example[3]]
    fifty = [
        example
        for kind in ERROR_KINDS
        for example in [one for one in samples[0] if one[3] == kind][:INJECTED_OF_EACH_KIND]
    ]
    started = time.process_time()
    false, true = sum(map(is_flagged, right)), sum(map(is_flagged, fifty))
    each = 1000 * (time.process_time() - started) / (len(right) + len(fifty))
    for name, value, target in (
        ("recall", true / len(fifty), 0.95),
        ("precision", true / max(1, true + false), 0.85),
        ("right sentences flagged", false / len(right), 0.03),
    ):
        yield _share(f"report guard, {len(fifty)} injected errors, {name}", value, len(right) + len(fifty), target)
    made, found = Counter[str](), Counter[str]()
    for example in (one for sample in samples for one in sample if one[3]):
        made[example[3]] += 1
        found[example[3]] += is_flagged(example)
    for kind, count in made.items():
        yield _share(f"report guard, injected {kind} found", found[kind] / count, count, 0.95)
    yield {
        "bench": "report guard, one sentence",
        "value": round(each, 2),
        "unit": "ms of CPU",
        "ratio_to": {"limit": round(each / 5, 3)},
        "n": len(right) + len(fifty),
    }


def _natural(sessions: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    import numpy as np

    from reports.generation.guard import Guard
    from reports.generation.locate import uncited_risk
    from tools.train_report_model import area_under_curve, segments_of

    risks, unfaithful = [], []
    for session in sessions:
        index = Guard(segments_of(session["segments"])).index
        for text, is_faithful in _judged(session):
            risks.append(uncited_risk(text, index))
            unfaithful.append(not is_faithful)
    value = area_under_curve(np.array(risks), np.array(unfaithful))
    yield {
        "bench": "report guard, natural errors in therapy notes, area under the curve",
        "value": round(float(value), 3),
        "unit": "AUC",
        "ratio_to": {"target": round(float(value) / 0.8, 3), "prototype": round(float(value) / 0.776, 3)},
        "n": len(risks),
    }


def _judged(session: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield each sentence both raters agree on, and whether it is faithful."""
    for writer, note in WRITERS.items():
        ratings = session["human_eval"][writer]
        for section, text in session[note].items():
            judged = [rating[section]["rubric_faithfulness_raw"] for rating in ratings if section in rating]
            sentences = [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]
            for number, sentence in enumerate(sentences, start=1):
                votes = {votes.get(f"sentence_{number}") for votes in judged}
                if len(judged) == 2 and len(votes) == 1 and None not in votes:
                    yield sentence, bool(votes.pop())


def _share(bench: str, value: float, count: int, target: float) -> dict[str, Any]:
    return {
        "bench": bench,
        "value": round(value, 3),
        "unit": "share",
        "ratio_to": {"target": round(value / target, 3)},
        "n": count,
    }


if __name__ == "__main__":
    for figure in run():
        print(json.dumps(figure), flush=True)

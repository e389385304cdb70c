"""How good, how fast and how large the embedded report engine is.

Run as a part of `make bench`, or alone: `python -m bench.reports`. BENCH_DATA/notes may hold aci_bench_valid.json (visits
with reference notes) and aci_bench_train.json; without them the shipped session is measured and the rest is skipped. ROUGE
is that of the ACI-Bench paper: rouge-score without a stemmer, mean F1 a note, L over lines; the text is a report's
`content` as `draft_report --template general` prints it.
"""

import json
import os
import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PUBLISHED = {"rouge1": 51.76, "rouge2": 22.58, "rougeLsum": 45.97}  # GPT-4 on test set 1, Yim et al. 2023, table 6
SAMPLE = Path(__file__).resolve().parent.parent / "reports" / "tests" / "generation" / "data" / "followup.json"
INJECTED_OF_EACH_KIND = 10


def run() -> Iterator[dict[str, Any]]:
    """Yield quality, time, memory, size and the guard's figures."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    before = _resident_mb()
    notes = Path(os.environ["BENCH_DATA"]) / "notes" if os.environ.get("BENCH_DATA") else None
    visits = _load(notes, "aci_bench_valid")
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    yield from _quality("shipped session", sample, "psychiatry_followup")
    if visits:
        yield from _quality("ACI-Bench valid", visits, "general")
    else:
        yield {
            "bench": "report ROUGE, ACI-Bench valid",
            "skipped": "set BENCH_DATA to a folder with notes/aci_bench_valid.json",
        }
    yield from _speed(visits or sample)
    yield {
        "bench": "report engine, added memory",
        "value": round(_resident_mb(peak=True) - before, 1),
        "unit": "MB",
        "ratio_to": {"limit": 80},
        "n": 1,
    }
    yield _weights()
    if visits:
        yield from _guard(visits)
    else:
        yield {
            "bench": "report guard, 50 injected errors",
            "skipped": "set BENCH_DATA to a folder with notes/aci_bench_valid.json",
        }


def _load(folder: Path | None, name: str) -> list[dict[str, Any]]:
    path = folder / f"{name}.json" if folder else None
    return json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else []


def _draft(item: dict[str, Any], slug: str) -> Any:
    from reports.generation import get_generator
    from reports.generation.assemble import assemble
    from reports.generation.base import GenerationContext, GenerationRequest
    from reports.shipped import load_shipped
    from reports.structure import parse_structure
    from tools.train_report_model import segments_of

    gender = item.get("patient", {}).get("gender") or item.get("meta", {}).get("patient_gender", "")
    request = GenerationRequest(
        sections=parse_structure(load_shipped()[slug]["structure"]),
        segments=segments_of(item["segments"]),
        context=GenerationContext(gender=gender),
    )
    return assemble(get_generator(allow_cloud=False).generate(request), request)


def _quality(where: str, items: list[dict[str, Any]], slug: str) -> Iterator[dict[str, Any]]:
    from rouge_score import rouge_scorer

    scorer = rouge_scorer.RougeScorer(list(PUBLISHED))
    scores = [scorer.score(item["note"], _draft(item, slug).content) for item in items]
    for name, published in PUBLISHED.items():
        value = round(100 * statistics.fmean(score[name].fmeasure for score in scores), 2)
        ratio = {"GPT-4 zero-shot, ACI-Bench test 1": round(value / published, 3)} if where.startswith("ACI") else {}
        yield {
            "bench": f"report {name}, {where}",
            "value": value,
            "unit": "F1 x 100",
            "ratio_to": ratio,
            "n": len(items),
        }


def _speed(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    times = []
    for item in items * (1 if len(items) > 1 else 20):
        started = time.perf_counter()
        _draft(item, "general")
        times.append(1000 * (time.perf_counter() - started))
    times.sort()
    for name, value in (("p50", statistics.median(times)), ("p95", times[int(0.95 * (len(times) - 1))])):
        yield {
            "bench": f"report drafted and checked, {name}",
            "value": round(value, 1),
            "unit": "ms",
            "ratio_to": {"limit": round(value / 300, 3)},
            "n": len(times),
        }


def _weights() -> dict[str, Any]:
    from reports.generation.weights import FOLDER

    size = sum(path.stat().st_size for path in FOLDER.glob("*.npz"))
    return {
        "bench": "report weights",
        "value": size,
        "unit": "bytes",
        "ratio_to": {"limit": round(size / 5e6, 3)},
        "n": 1,
    }


def _guard(visits: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    from reports.generation.guard import Guard
    from tools.train_report_model import ERROR_KINDS, guard_examples, segments_of

    examples = guard_examples(visits, random.Random(11), 5)
    right = [example for example in examples if not example[3]]
    wrong = [
        example
        for kind in ERROR_KINDS
        for example in [one for one in examples if one[3] == kind][:INJECTED_OF_EACH_KIND]
    ]
    guards = [Guard(segments_of(visit["segments"])) for visit in visits]
    started = time.perf_counter()
    flagged = [
        guards[number].check(text, evidence).support != "supported" for number, text, evidence, _ in right + wrong
    ]
    each = 1000 * (time.perf_counter() - started) / len(flagged)
    false, true = sum(flagged[: len(right)]), sum(flagged[len(right) :])
    for name, value in (
        ("recall", true / len(wrong)),
        ("precision", true / max(1, true + false)),
        ("right sentences flagged", false / len(right)),
    ):
        yield {
            "bench": f"report guard, {len(wrong)} injected errors, {name}",
            "value": round(value, 3),
            "unit": "share",
            "ratio_to": {},
            "n": len(flagged),
        }
    yield {
        "bench": "report guard, one sentence",
        "value": round(each, 2),
        "unit": "ms",
        "ratio_to": {"limit": round(each / 5, 3)},
        "n": len(flagged),
    }


def _resident_mb(*, peak: bool = False) -> float:
    field = "VmHWM" if peak else "VmRSS"
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    for figure in run():
        print(json.dumps(figure), flush=True)

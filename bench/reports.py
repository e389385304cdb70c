"""How good, how fast and how large the embedded report engine is.

Run as a part of `make bench`, or alone: `python -m bench.reports`. BENCH_DATA/notes may hold aci_bench_valid.json (visits
with reference notes) and primock57_days1-4.json; without them the shipped session is measured and the rest is skipped. ROUGE
is that of the ACI-Bench paper: rouge-score without a stemmer, mean F1 a note, L over lines; the text is a report's
`content` as `draft_report --template general` prints it.
"""

import itertools
import json
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PUBLISHED = {"rouge1": 51.76, "rouge2": 22.58, "rougeLsum": 45.97}  # GPT-4 on test set 1, Yim et al. 2023, table 6
WORDS_OF_TWO_HOURS = 20_000
SAMPLE = Path(__file__).resolve().parent.parent / "reports" / "tests" / "generation" / "data" / "followup.json"


def run() -> Iterator[dict[str, Any]]:
    """Yield quality on visits and on counselling sessions, time, memory and size."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    from bench import therapy

    django.setup()
    before = _resident_mb()
    notes = Path(os.environ["BENCH_DATA"]) / "notes" if os.environ.get("BENCH_DATA") else None
    visits = _load(notes, "aci_bench_valid")
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    yield from _quality("shipped session", sample, "psychiatry_followup")
    yield _readability("shipped session", sample, "psychiatry_followup")
    if visits:
        yield from _quality("ACI-Bench valid", visits, "general")
        unpunctuated = [visit for visit in visits if visit["dataset"] == "aci"]
        yield from _quality("ACI-Bench valid, unpunctuated part", unpunctuated, "general")
        yield from _quality("ACI-Bench valid, gender unknown", [{**visit, "meta": {}} for visit in visits], "general")
        yield _readability("ACI-Bench valid", visits, "general")
    else:
        yield {
            "bench": "report ROUGE, ACI-Bench valid",
            "skipped": "set BENCH_DATA to a folder with notes/aci_bench_valid.json",
        }
    if consultations := _load(notes, "primock57_days1-4"):
        yield _readability("PriMock57", consultations, "general")
    yield from _speed(visits or sample)
    yield from _long_session(consultations or sample)
    yield {
        "bench": "report engine, added memory",
        "value": round(_resident_mb(peak=True) - before, 1),
        "unit": "MB",
        "ratio_to": {"limit": 80},
        "n": 1,
    }
    yield _weights()
    yield from therapy.run(notes)


def _load(folder: Path | None, name: str) -> list[dict[str, Any]]:
    path = folder / f"{name}.json" if folder else None
    return json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else []


def _draft(item: dict[str, Any], slug: str) -> Any:
    return _assemble(*_generate(item, slug))


def _assemble(draft: Any, request: Any) -> Any:
    from reports.generation.assemble import assemble

    return assemble(draft, request)


def _generate(item: dict[str, Any], slug: str) -> tuple[Any, Any]:
    from reports.generation import get_generator
    from reports.generation.base import GenerationContext, GenerationRequest
    from reports.shipped import load_shipped
    from reports.templating.structure import parse_structure
    from tools.train_report_model import segments_of

    gender = item.get("patient", {}).get("gender") or item.get("meta", {}).get("patient_gender", "")
    request = GenerationRequest(
        sections=parse_structure(load_shipped()[slug]["structure"]),
        segments=segments_of(item["segments"]),
        context=GenerationContext(gender=gender),
    )
    return get_generator(allow_cloud=False).generate(request), request


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


def _readability(where: str, items: list[dict[str, Any]], slug: str) -> dict[str, Any]:
    """Return the share of sentences without a defect; `ratio_to` has the share with each kind of defect."""
    from reports.content import all_sentences
    from reports.generation.readability import readability

    shares = [
        readability((line["text"], line.get("layout", "prose")) for line in all_sentences(_draft(item, slug).sections))
        for item in items
    ]
    means = {kind: round(statistics.fmean(share[kind] for share in shares), 4) for kind in shares[0]}
    clean = means.pop("clean")
    return {
        "bench": f"report sentences that read well, {where}",
        "value": clean,
        "unit": "share",
        "ratio_to": means,
        "n": len(items),
    }


def _long_session(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the processor time of a session of two hours, sewn together from shorter ones, the first time it is seen."""
    words, segments = 0, list[dict[str, Any]]()
    for item in itertools.cycle(items):
        for segment in item["segments"]:
            segments.append({**segment, "id": len(segments) + 1})
            words += len(segment["text"].split())
        if words >= WORDS_OF_TWO_HOURS:
            break
    started = time.process_time()
    drafted = _generate({"segments": segments}, "general")
    between = time.process_time()
    _assemble(*drafted)
    for name, value in (("drafted", between - started), ("checked", time.process_time() - between)):
        yield {
            "bench": f"report of {words} words {name}, processor time",
            "value": round(1000 * value, 1),
            "unit": "ms",
            "ratio_to": {"limit": round(1000 * value / 300, 3)},
            "n": 1,
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


def _resident_mb(*, peak: bool = False) -> float:
    field = "VmHWM" if peak else "VmRSS"
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    for figure in run():
        print(json.dumps(figure), flush=True)

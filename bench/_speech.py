"""What both halves of the speech figures rest on: recordings with their references, and lines of figures.

BENCH_DATA/audio holds recordings (.wav, .flac, .ogg) with a .json of the same name: `text`, and `turns` with `speaker`,
`start`, `end` and `text`.
"""

import json
import os
import resource
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).resolve().parent.parent / "sessions_app" / "tests" / "samples"
SUFFIXES = (".wav", ".flac", ".ogg")
CHUNK = 3_200
CHUNK_S = 0.1
ROOM_SECONDS = 60


def loaded_engine() -> Any:
    """Return the embedded engine with its models in memory."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    from sessions_app.stt.embedded import EmbeddedTranscriber

    engine = EmbeddedTranscriber()
    engine.transcribe([bytes(2 * CHUNK)], language="en")
    return engine


def sets() -> dict[str, list[Path]]:
    """Return the recordings of each set: the shipped sample, and BENCH_DATA where it is given."""
    found = {"sample": recordings(SAMPLES)}
    folder = Path(os.environ.get("BENCH_DATA", "")) / "audio"
    if os.environ.get("BENCH_DATA") and folder.is_dir():
        found["data"] = recordings(folder)
    return found


def recordings(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.with_suffix(".json").is_file())


def reference_of(path: Path) -> dict[str, Any]:
    reference: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
    return reference


def figure(bench: str, value: float, unit: str, ratio_to: dict[str, float], n: int) -> dict[str, Any]:
    rounded = {what: round(number, 3) for what, number in ratio_to.items()}
    return {"bench": bench, "value": round(value, 3), "unit": unit, "ratio_to": rounded, "n": n}


def skipped(bench: str) -> dict[str, Any]:
    return {"bench": bench, "skipped": "set BENCH_DATA to a folder with audio/"}


def peak_memory(bench: str) -> dict[str, Any]:
    return figure(bench, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB", {"target": 700}, 1)

"""Several recordings written live at once, in one process on one core, on the real clock.

Three at the short step and six at the long one, each for 20 s, or for five minutes with BENCH_LONG=1. Sound comes in
chunks of 200 ms as from a browser, the streams take turns as in the speech process, and each is read ahead for its
transcript meanwhile. What else the machine does shows in these figures: run them on a quiet one.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from bench._live import Heard, spoken_words
from bench._speech import figure, loaded_engine, peak_memory, reference_of, sets
from bench.speech_live import latencies

SECONDS = 300.0 if os.environ.get("BENCH_LONG") else 20.0
CHUNK_S = 0.2
BYTES_PER_SECOND = 32_000
TURN_S = 0.1
# So that no two streams come to the end of a step together.
APART_S = 0.13


def run() -> Iterator[dict[str, Any]]:
    """Yield one line for each figure."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    engine = loaded_engine()
    _, files = sets().popitem()
    told = [_told(engine, path) for path in files]
    for count in (3, 6):
        yield from _soak(engine, told, count)


def _told(engine: Any, path: Any) -> tuple[bytes, list[tuple[str, float]]]:
    """Return a recording's sound, and each word said in it with its end in seconds."""
    from sessions_app.stt.media import read_pcm

    pcm = b"".join(read_pcm(path))
    return pcm, spoken_words(engine, pcm, reference_of(path)["turns"])


class Speaker:
    """One stream: recordings one after the other, another first one in each stream; all times from its own start."""

    def __init__(self, engine: Any, told: list[tuple[bytes, list[tuple[str, float]]]], number: int) -> None:
        from sessions_app.stt.playback import Playback

        self.pcm, self.said, place = b"", [], number
        while len(self.pcm) < SECONDS * BYTES_PER_SECOND:
            pcm, words = told[place % len(told)]
            offset_s = len(self.pcm) / BYTES_PER_SECOND
            self.said += [(text, offset_s + end) for text, end in words if offset_s + end < SECONDS]
            self.pcm += pcm
            place += 1
        self.pcm = self.pcm[: int(SECONDS * BYTES_PER_SECOND)]
        self.begins_s = number * APART_S
        self.taken = 0
        self.session = engine.open_live(language="en")
        self.playback = Playback()

    def spoken(self, now_s: float) -> int:
        """Return how many bytes have come in by `now_s`, in whole chunks."""
        chunks = int(max(0.0, now_s - self.begins_s) / CHUNK_S)
        return min(len(self.pcm), int(chunks * CHUNK_S * BYTES_PER_SECOND))


def _soak(engine: Any, told: Any, count: int) -> Iterator[dict[str, Any]]:
    from sessions_app.speech.pace import Pace

    pace, speakers = Pace(), [Speaker(engine, told, number) for number in range(count)]
    steps: list[float] = []
    began, busy = time.monotonic(), time.process_time()
    for one in speakers:
        pcm = _ahead(one, pace, began)
        threading.Thread(target=engine.prepare, args=(pcm,), kwargs={"language": "en"}, daemon=True).start()
    while any(one.taken < len(one.pcm) for one in speakers):
        now = time.monotonic() - began
        behind_s = max(now - one.begins_s - one.taken / BYTES_PER_SECOND for one in speakers)
        step_s = pace.step_s(recordings=count, behind_ms=round(1_000 * behind_s))
        steps.append(step_s)
        has_heard = False
        for one in speakers:
            has_heard = _take_turn(one, step_s, began) or has_heard
        if not has_heard:
            time.sleep(TURN_S)
    heard = Heard()
    for one in speakers:
        one.playback.note(one.session.finish(), at=time.monotonic() - began - one.begins_s)
        heard.add_latencies(one.said, one.playback)
    share = (time.process_time() - busy) / (time.monotonic() - began)
    name = f"speech.soak_{count}"
    yield from latencies(f"{name}.{{}}", heard)
    yield figure(f"{name}.core_share", 100 * share, "%", {"seconds": SECONDS}, count)
    yield figure(
        f"{name}.longest_step", max(steps), "s", {"planned": Pace().step_s(recordings=count, behind_ms=0)}, len(steps)
    )
    yield peak_memory(f"{name}.peak_rss")


def _take_turn(one: Speaker, step_s: float, began: float) -> bool:
    spoken = one.spoken(time.monotonic() - began)
    if spoken == one.taken:
        return False
    one.session.step_s = step_s
    events = one.session.feed(one.pcm[one.taken : spoken])
    one.taken = spoken
    one.playback.note(events, at=time.monotonic() - began - one.begins_s)
    return True


def _ahead(one: Speaker, pace: Any, began: float) -> Iterator[bytes]:
    """Yield the stream as it comes in, for the reading that gives way while live words are late."""
    taken = 0
    while taken < len(one.pcm):
        spoken = one.spoken(time.monotonic() - began)
        if pace.is_late or spoken == taken:
            time.sleep(CHUNK_S)
        else:
            yield one.pcm[taken:spoken]
            taken = spoken


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)

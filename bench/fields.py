"""What the encrypted fields cost: a value in and out, and a stored file read in part.

Run as a part of `make bench`, or alone: `python -m bench.fields`. BENCH_VALUES is the number of values (5,000).
"""

import io
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

FILE_BYTES = 20 * 1024 * 1024


def run() -> Iterator[dict[str, Any]]:
    """Yield microseconds a value for short and long text, and megabytes a second for a stored file."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.testing.settings")
    import django

    django.setup()
    from cryptography.fernet import Fernet
    from django.conf import settings

    from synapse import storage
    from synapse.encryption import crypto, data_keys

    size = int(os.environ.get("BENCH_VALUES", "5000"))
    bare = Fernet(settings.FIELD_ENCRYPTION_KEY[0])
    for name, text in (("a name", "Annapurna"), ("a page of notes", "word " * 600)):
        stored, token = crypto.encrypt(text), bare.encrypt(text.encode())
        write = _microseconds(lambda text=text: crypto.encrypt(text), size)
        read = _microseconds(lambda stored=stored: crypto.decrypt(stored, label="bench"), size)
        bare_read = _microseconds(lambda token=token: bare.decrypt(token), size)
        yield {"bench": f"fields: encrypt {name}", "value": round(write, 1), "unit": "us", "ratio_to": {}, "n": size}
        yield {
            "bench": f"fields: decrypt {name}",
            "value": round(read, 1),
            "unit": "us",
            "ratio_to": {"Fernet alone": round(read / bare_read, 2)},
            "n": size,
        }

    content, stored_name, key = os.urandom(FILE_BYTES), storage.new_name(), data_keys.new_key()
    started = time.perf_counter()
    storage.put(stored_name, io.BytesIO(content), key=key)
    written = time.perf_counter() - started
    started = time.perf_counter()
    for _ in storage.open_range(stored_name, key=key):
        pass
    whole = time.perf_counter() - started
    middle = FILE_BYTES // 2
    part = _microseconds(lambda: list(storage.open_range(stored_name, middle, middle + 65_536, key=key)), 200)
    storage.delete(stored_name)
    megabytes = FILE_BYTES / 1024 / 1024
    yield {"bench": "storage: write", "value": round(megabytes / written), "unit": "MB/s", "ratio_to": {}, "n": 1}
    yield {"bench": "storage: read", "value": round(megabytes / whole), "unit": "MB/s", "ratio_to": {}, "n": 1}
    yield {"bench": "storage: seek and read 64 KiB", "value": round(part), "unit": "us", "ratio_to": {}, "n": 200}


def _microseconds(call: Callable[[], object], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) * 1e6 / times


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line), flush=True)

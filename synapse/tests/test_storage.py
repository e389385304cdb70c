import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from synapse import storage
from synapse.encryption.blobs import BLOCK, HEADER

CONTENT = bytes(range(256)) * 1000  # 256,000 bytes: four blocks, the last one short
BUCKET = "recordings"
KEY = b"k" * 32


@pytest.fixture
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    """Run Google's storage protocol in memory and return its address."""
    from gcp_storage_emulator.server import create_server

    port = free_port()
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def stored(request, settings, data_dir):
    """Say where files are stored: every rule holds in both places."""
    if request.param == "bucket":
        settings.AUDIO_BUCKET = BUCKET
        settings.STORAGE_EMULATOR_HOST = request.getfixturevalue("emulator")
    return request.param


def put(name: str, content: bytes) -> int:
    return storage.put(name, io.BytesIO(content), key=KEY)


def everything(name: str, *limits: int, key: bytes = KEY) -> bytes:
    return b"".join(storage.open_range(name, *limits, key=key))


def test_a_file_comes_back_whole_and_in_part(stored):
    name = storage.new_name(".ogg")

    size = put(name, CONTENT)

    assert size == storage.size(name) == len(CONTENT)
    assert everything(name) == CONTENT
    assert everything(name, 10, 20) == CONTENT[10:20]
    assert everything(name, BLOCK - 3, BLOCK + 3) == CONTENT[BLOCK - 3 : BLOCK + 3]
    assert everything(name, 200_000) == CONTENT[200_000:]
    assert everything(name, 255_990, 900_000) == CONTENT[255_990:]


@pytest.mark.parametrize("length", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_every_length_around_a_block_comes_back(stored, length):
    name = storage.new_name()

    put(name, CONTENT[:length])

    assert storage.size(name) == length
    assert everything(name) == CONTENT[:length]


def test_a_deleted_file_is_missing_and_deleting_it_again_is_no_error(stored):
    name = storage.new_name()
    put(name, b"words")

    storage.delete(name)
    storage.delete(name)

    with pytest.raises(storage.StoredFileMissing) as missing:
        storage.size(name)
    assert missing.value.transient is False
    with pytest.raises(storage.StoredFileMissing):
        storage.open_range(name, key=KEY)


def test_what_is_stored_is_ciphertext_for_this_user_only(data_dir):
    name = storage.new_name()

    put(name, b"a patient's voice" * 100)

    path = data_dir / "audio" / name
    assert b"voice" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert list((data_dir / "tmp").iterdir()) == []


@pytest.mark.parametrize("change", ["flip", "cut", "swap blocks", "drop last block", "no header"])
def test_a_damaged_file_is_an_error_and_never_other_audio(data_dir, change):
    name = storage.new_name()
    put(name, CONTENT)
    path = data_dir / "audio" / name
    stored = bytearray(path.read_bytes())
    block, header = BLOCK + 16, HEADER
    match change:
        case "flip":
            stored[header + 100] ^= 1
        case "cut":
            del stored[-10:]
        case "swap blocks":
            one, two = stored[header : header + block], stored[header + block : header + 2 * block]
            stored[header : header + 2 * block] = two + one
        case "drop last block":
            del stored[header + 3 * block :]
        case "no header":
            stored[:5] = b"RIFF\0"
    path.write_bytes(stored)

    with pytest.raises(storage.StorageError) as damaged:
        everything(name)
    assert damaged.value.transient is False


def test_a_file_opens_with_its_data_key_alone(data_dir):
    name = storage.new_name()
    put(name, CONTENT)

    with pytest.raises(storage.StorageError, match="another data key") as refused:
        everything(name, key=b"o" * 32)
    assert refused.value.transient is False


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "aa/..", "aa/" + "g" * 32, ""])
def test_only_names_of_our_own_making_are_touched(stored, name):
    with pytest.raises(storage.StorageError):
        put(name, b"")
    with pytest.raises(storage.StorageError):
        storage.delete(name)


def test_the_probe_passes_where_files_can_be_stored(stored):
    assert storage.probe() is None


def test_the_probe_fails_on_a_full_disk(data_dir, monkeypatch):
    monkeypatch.setattr(storage, "LEAST_FREE_BYTES", 1 << 62)

    with pytest.raises(storage.StorageError, match="full"):
        storage.probe()


def test_the_probe_fails_when_there_is_no_such_bucket(data_dir, settings, emulator):
    settings.AUDIO_BUCKET = "not-there"
    settings.STORAGE_EMULATOR_HOST = emulator

    with pytest.raises(storage.StorageError):
        storage.probe()


@pytest.fixture
def answering(settings, data_dir, monkeypatch) -> Iterator[Callable[..., None]]:
    """Run a server that gives every request the same bad answer."""
    answer: dict[str, object] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if answer["hang"]:
                released.wait(20)
                return
            body = answer["body"]
            self.send_response(int(str(answer["status"])))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body) + int(str(answer["short_by"]))))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, *args: object) -> None:
            pass

    released = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.AUDIO_BUCKET = BUCKET
    settings.STORAGE_EMULATOR_HOST = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(storage, "RETRY_SECONDS", 0.3)
    monkeypatch.setattr(storage, "READ_SECONDS", 0.3)

    def use(status: int = 200, body: bytes = b"{}", *, hang: bool = False, short_by: int = 0) -> None:
        answer.update(status=status, body=body, hang=hang, short_by=short_by)

    yield use
    released.set()
    server.shutdown()
    server.server_close()


OPERATIONS = {
    "put": lambda: put(storage.new_name(), CONTENT),
    "size": lambda: storage.size(storage.new_name()),
    "delete": lambda: storage.delete(storage.new_name()),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("answer", "transient"),
    [
        ({"status": 503}, True),
        ({"status": 429}, True),
        ({"status": 500, "body": b"<html>"}, True),
        ({"hang": True}, True),
        ({"status": 403, "body": json.dumps({"error": {"message": "no"}}).encode()}, False),
        ({"status": 401}, False),
        ({"status": 400}, False),
    ],
)
def test_a_failing_bucket_says_whether_to_try_again(answering, operation, answer, transient):
    answering(**answer)

    with pytest.raises(storage.StorageError) as failed:
        OPERATIONS[operation]()

    assert failed.value.transient is transient


@pytest.mark.parametrize("operation", ["put", "size"])
@pytest.mark.parametrize("answer", [{"body": b"not json at all"}, {"body": b'{"size": ', "short_by": 40}])
def test_a_garbled_or_cut_off_answer_is_worth_another_try(answering, operation, answer):
    answering(**answer)

    with pytest.raises(storage.StorageError) as failed:
        OPERATIONS[operation]()

    assert failed.value.transient is True

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parents[2]
DRAIN_SECONDS = 3

# A live stream that acknowledges what it took only when the server goes down, and a request that is answered when told.
APPLICATION = """
    import asyncio, os, pathlib, sys
    from synapse import server
    from synapse.common import draining
    server.DRAIN_SECONDS = float(sys.argv[2])

    async def stream(receive, send):
        taken = []
        async def finish():
            await send({"type": "websocket.send", "text": f"acknowledged {len(taken)}"})
            await send({"type": "websocket.close", "code": 1012})
        draining.register(finish)
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            if message["type"] == "websocket.receive":
                taken.append(message)
                await send({"type": "websocket.send", "text": "taken"})

    async def idle(receive, send):
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    async def deaf(receive, send):
        await send({"type": "websocket.accept"})
        await asyncio.sleep(60)

    async def loud(receive, send):
        await send({"type": "websocket.accept"})
        while True:
            await send({"type": "websocket.send", "text": "x" * 60_000})
            await asyncio.sleep(0)

    async def length(scope, receive, send):
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message["body"]), message.get("more_body")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        opened = [int(name) for name in os.listdir("/proc/self/fd")]
        files = [os.path.realpath(f"/proc/self/fd/{number}") for number in opened if number > 2]
        on_disk = [path for path in files if path.endswith("(deleted)")]
        said = dict(scope["headers"]).get(b"content-length", b"nothing").decode()
        told = f"{size} bytes, {len(on_disk)} on disk" + ("" if said == str(size) else f", {said} said")
        await send({"type": "http.response.body", "body": told.encode()})

    async def sealed(scope, receive, send):
        message = await receive()
        body = scope["sealed_body"]
        size = sum(len(piece) for piece in iter(lambda: body.read(1_000_000), b""))
        body._file.seek(0)
        is_clear = b"xxxxxxxx" in body._file.read()
        told = f"{size} bytes sealed, {len(message['body'])} beside, {'clear' if is_clear else 'unreadable'}"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": told.encode()})

    async def answer(receive, send):
        open("asked", "x").close()
        while not os.path.exists("go on"):
            await asyncio.sleep(0.02)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"whole"})

    async def application(scope, receive, send):
        if "sealed_body" in scope:
            await sealed(scope, receive, send)
        elif scope["type"] == "http":
            await (length(scope, receive, send) if scope["path"] == "/length" else answer(receive, send))
        else:
            kinds = {"/idle": idle, "/deaf": deaf, "/loud": loud}
            await kinds.get(scope["path"], stream)(receive, send)

    server.serve(application, "127.0.0.1", int(sys.argv[1]), sealed_folder=pathlib.Path("incoming").absolute())
"""


class RunningServer:
    def __init__(self, port: int, process: subprocess.Popen) -> None:
        self.port = port
        self.process = process

    def connect(self, path: str = "/", **options):
        return connect(f"ws://127.0.0.1:{self.port}{path}", proxy=None, **options)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server(tmp_path, request) -> Iterator[RunningServer]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(APPLICATION), str(port), str(getattr(request, "param", DRAIN_SECONDS))],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield RunningServer(port, process)
    process.kill()
    process.wait()
    process.stderr.close()


def test_a_client_is_read_only_as_fast_as_the_application_takes_its_frames(server):
    with server.connect("/deaf", close_timeout=0.1) as stream:
        stream.socket.settimeout(1)
        frame = b"\x82\xfe\xea\x60\0\0\0\0" + b"x" * 60_000  # one masked binary frame
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 200_000_000:
                stream.socket.sendall(frame)
                sent += len(frame)

    assert sent < 40_000_000  # 64 frames and what the two sockets buffer


def test_a_client_that_reads_nothing_is_cut_off_and_the_others_are_served(server):
    raw = socket.create_connection(("127.0.0.1", server.port))
    raw.sendall(
        b"GET /loud HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with server.connect() as other:
        for _ in range(500):
            other.send(b"chunk")
            assert other.recv(20) == "taken"

    raw.settimeout(20)
    received = 0
    with raw, contextlib.suppress(ConnectionResetError):
        while data := raw.recv(1_000_000):
            received += len(data)
            assert received < 40_000_000


def send_body(server, size: int, path: str = "/length", **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", data=b"x" * size, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_what_is_sent_never_touches_the_disk_and_too_much_is_refused(server):
    assert send_body(server, 2_000_000) == (200, "2000000 bytes, 0 on disk")
    status, page = send_body(server, 20_000_000)
    assert status == 413
    assert "Choose a smaller one, or split it into several." in page
    assert "too_large" in send_body(server, 20_000_000, "/api/v1/patients/")[1]


@pytest.mark.parametrize(
    ("path", "size"),
    [("/bills/settings/codes/", 16_000_000), ("/bills/settings/fees/import/", 9_000_000), ("/imports/", 9_000_000)],
)
def test_a_file_with_a_table_comes_in_as_large_as_its_page_says(server, path, size):
    signed_in = {"Cookie": "sessionid=x"}
    assert send_body(server, size, path, **signed_in) == (200, f"{size} bytes sealed, 0 beside, unreadable")
    assert send_body(server, 26_000_000, path, **signed_in)[0] == 413
    assert send_body(server, size, path)[0] == 413  # from nobody


def test_a_recording_comes_in_whole_and_lies_sealed_on_the_disk(server):
    path = "/api/v1/sessions/7d444840-9dc0-11d1-b245-5ffdce74fad2/audio/"
    assert send_body(server, 20_000_000, path, Authorization="Bearer x") == (
        200,
        "20000000 bytes sealed, 0 beside, unreadable",
    )
    assert send_body(server, 20_000_000, path)[0] == 413
    assert send_body(server, 20_000_000, "/api/v1/patients/", Authorization="Bearer x")[0] == 413
    assert send_body(server, 20_000_000, path.replace("audio", "notes"), Authorization="Bearer x")[0] == 413


def test_a_recording_that_is_broken_off_gives_its_place_back(server):
    path = "/api/v1/sessions/7d444840-9dc0-11d1-b245-5ffdce74fad2/audio/"
    begun = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\nContent-Length: 20000000\r\n\r\nx"
    for _ in range(5):  # one more than there are places
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            client.sendall(begun.encode())
            time.sleep(0.05)
    assert send_body(server, 20_000_000, path, Authorization="Bearer x")[0] == 200


def test_nobody_but_the_application_reads_a_form(server):
    # A reader before it would refuse this one, and hold a whole recording in memory.
    kind = {"Content-Type": "multipart/form-data; boundary=y"}
    assert send_body(server, 2_000, **kind) == (200, "2000 bytes, 0 on disk")


def test_a_body_of_no_said_length_is_bounded_too(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"POST /length HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            client.sendall(b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n")
        client.sendall(b"0\r\n\r\n")

        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_in_chunks_reaches_the_application_with_its_length(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"POST /length HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n")
        client.sendall(b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(1000), b""))

    assert b"7 bytes, 0 on disk\r\n" in answer


def test_a_live_stream_gets_its_acknowledgement_and_1012_before_the_server_stops(server):
    with server.connect() as stream:
        for _ in range(3):
            stream.send(b"chunk")
            assert stream.recv(20) == "taken"

        server.terminate()

        assert stream.recv(20) == "acknowledged 3"
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(20)
    assert closed.value.rcvd.code == 1012
    assert server.process.wait(60) == 0


def test_a_socket_nobody_finishes_is_closed_with_1012_as_well(server):
    with server.connect("/idle") as stream:
        server.terminate()

        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(20)
    assert closed.value.rcvd.code == 1012
    assert server.process.wait(60) == 0


def test_a_request_under_way_is_answered_and_a_new_one_is_not_taken(server, tmp_path):
    answers = []
    asking = threading.Thread(
        target=lambda: answers.append(urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=20).read())
    )
    asking.start()
    assert until((tmp_path / "asked").exists)

    server.terminate()

    assert until(lambda: is_refused(server.port))
    (tmp_path / "go on").touch()
    asking.join()
    assert answers == [b"whole"]
    assert server.process.wait(60) == 0


def until(condition) -> bool:
    give_up_at = time.monotonic() + 20
    while time.monotonic() < give_up_at:
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False


@pytest.mark.parametrize("server", [120], indirect=True)
def test_without_anything_open_the_server_stops_without_waiting(server):
    server.terminate()

    assert server.process.wait(60) == 0


def test_a_message_over_64_kib_ends_the_connection(server):
    with server.connect() as stream:
        stream.send(b"x" * 64 * 1024)
        assert stream.recv(20) == "taken"

        stream.send(b"x" * (64 * 1024 + 1))

        with pytest.raises(ConnectionClosed):
            stream.recv(20)


def test_a_taken_port_is_an_error_that_names_it(server, tmp_path):
    second = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(APPLICATION), str(server.port), str(DRAIN_SECONDS)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=20,
        check=False,
    )

    assert second.returncode == 1
    assert b"ListenError" in second.stderr

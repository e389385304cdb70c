"""A stand-in for Google Cloud KMS on this machine: the three calls the adapter makes, by the real client's REST."""

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import google_crc32c
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY = "projects/clinic/locations/europe-west1/keyRings/synapse/cryptoKeys/data-keys"


class StandIn(ThreadingHTTPServer):
    """Keeps one key per version; `fails_with` answers every call with that status, `spoils` damages every answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.versions = [AESGCM.generate_key(256)]
        self.calls: list[str] = []
        self.fails_with = 0
        self.spoils = False

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def rotate(self) -> None:
        self.versions.append(AESGCM.generate_key(256))


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        self.server.calls.append("get")
        self._answer({"name": KEY, "primary": {"name": self._version(len(self.server.versions))}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        verb = self.path.split("?")[0].rsplit(":", 1)[1]
        self.server.calls.append(verb)
        context = base64.b64decode(body.get("additionalAuthenticatedData", ""))
        if verb == "encrypt":
            number, nonce = len(self.server.versions), secrets.token_bytes(12)
            sealed = AESGCM(self.server.versions[-1]).encrypt(nonce, base64.b64decode(body["plaintext"]), context)
            ciphertext = bytes([number]) + nonce + sealed
            self._answer(
                {
                    "name": self._version(number),
                    "ciphertext": base64.b64encode(ciphertext).decode(),
                    "ciphertextCrc32c": str(google_crc32c.value(ciphertext) + self.server.spoils),
                    "verifiedPlaintextCrc32c": True,
                    "verifiedAdditionalAuthenticatedDataCrc32c": True,
                }
            )
            return
        stored = base64.b64decode(body["ciphertext"])
        try:
            plain = AESGCM(self.server.versions[stored[0] - 1]).decrypt(stored[1:13], stored[13:], context)
        except (InvalidTag, IndexError):
            self._answer({"error": {"code": 400, "message": "Decryption failed", "status": "INVALID_ARGUMENT"}}, 400)
            return
        self._answer(
            {
                "plaintext": base64.b64encode(plain).decode(),
                "plaintextCrc32c": str(google_crc32c.value(plain) + self.server.spoils),
            }
        )

    def _version(self, number: int) -> str:
        return f"{KEY}/cryptoKeyVersions/{number}"

    def _answer(self, body: dict[str, object], status: int = 200) -> None:
        if self.server.fails_with:
            status = self.server.fails_with
            body = {"error": {"code": status, "message": "not now", "status": "UNAVAILABLE"}}
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:  # type: ignore[override]
        pass


@contextmanager
def key_service() -> Iterator[StandIn]:
    """Run a stand-in for as long as the block lasts."""
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=20)

"""A local HTTP stand-in for the Gemini API: it answers as told and keeps what it was asked."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class GeminiServer:
    """`replies` are used in order, the last one again; a reply is (status, body, seconds to wait)."""

    def __init__(self) -> None:
        self.replies: list[tuple[int, dict[str, Any], float]] = []
        self.requests: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        handler = type("Handler", (_Handler,), {"stand_in": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, answer: Any, *, finish: str = "STOP", model: str = "gemini-3.8-flash-002") -> None:
        """Reply with a model's answer: an object sent as JSON, or a text as it is."""
        text = answer if isinstance(answer, str) else json.dumps(answer)
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish, "index": 0}
        usage = {"promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 7, "totalTokenCount": 127}
        self.reply(200, {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": "r"})

    def refuse(self, status: int, name: str) -> None:
        self.reply(status, {"error": {"code": status, "message": "no", "status": name}})

    def reply(self, status: int, body: dict[str, Any], wait: float = 0.0) -> None:
        self.replies.append((status, body, wait))

    @contextmanager
    def running(self) -> Iterator["GeminiServer"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    stand_in: GeminiServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        return

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.stand_in.requests.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
        status, reply, wait = (
            self.stand_in.replies[0] if len(self.stand_in.replies) == 1 else self.stand_in.replies.pop(0)
        )
        time.sleep(wait)
        data = json.dumps(reply).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            return

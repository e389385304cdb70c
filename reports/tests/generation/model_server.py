"""Local HTTP stand-ins for model services: they answer as told and keep what they were asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class ModelServer:
    """`replies` are used in order, the last one again; a reply is (status, body, seconds to wait)."""

    def __init__(self) -> None:
        self.replies: list[tuple[int, dict[str, Any] | str, float]] = []
        self.requests: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.headers: dict[str, str] = {}
        self.model: Callable[[dict[str, Any], str], Any] | None = None  # takes schema and prompt, gives an answer
        handler = type("Handler", (_Handler,), {"stand_in": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, answer: Any) -> None:
        raise NotImplementedError

    def asked(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Return the schema and the words of a request."""
        raise NotImplementedError

    def refuse(self, status: int, name: str = "") -> None:
        self.reply(status, {"error": {"code": status, "message": "no", "status": name}})

    def close(self) -> None:
        """Leave the address without anybody who answers."""
        self._server.server_close()

    def reply(self, status: int, body: dict[str, Any] | str, wait: float = 0.0) -> None:
        self.replies.append((status, body, wait))

    @contextmanager
    def running(self) -> Iterator[Self]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class GeminiServer(ModelServer):
    """Speaks as the Gemini API does."""

    def answer(self, answer: Any, *, finish: str = "STOP", model: str = "gemini-3.8-flash-002") -> None:
        """Reply with a model's answer: an object sent as JSON, or a text as it is."""
        text = answer if isinstance(answer, str) else json.dumps(answer)
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish, "index": 0}
        usage = {"promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 7, "totalTokenCount": 127}
        self.reply(200, {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": "r"})

    def asked(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        words = [part["text"] for content in body["contents"] for part in content["parts"]]
        return body["generationConfig"]["responseJsonSchema"], "\n".join(words)


class OpenAIServer(ModelServer):
    """Speaks as servers with the OpenAI protocol do."""

    def answer(self, answer: Any, *, finish: str = "stop", model: str = "llama3.2:3b", **message: Any) -> None:
        """Reply with a model's answer: an object sent as JSON, or a text as it is."""
        text = answer if isinstance(answer, str) else json.dumps(answer)
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        self.reply(
            200,
            {
                "id": "c",
                "object": "chat.completion",
                "created": 1,
                "model": model,
                "choices": [choice],
                "usage": usage,
            },
        )

    def asked(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        words = [message["content"] for message in body["messages"] if message["role"] == "user"]
        return body["response_format"]["json_schema"]["schema"], "\n".join(words)


class _Handler(BaseHTTPRequestHandler):
    stand_in: ModelServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        return

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.stand_in.requests.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
        if self.stand_in.model:
            self.stand_in.replies.clear()
            self.stand_in.answer(self.stand_in.model(*self.stand_in.asked(body)))
        status, reply, wait = (
            self.stand_in.replies[0] if len(self.stand_in.replies) == 1 else self.stand_in.replies.pop(0)
        )
        time.sleep(wait)
        data = reply.encode() if isinstance(reply, str) else json.dumps(reply).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in self.stand_in.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            return

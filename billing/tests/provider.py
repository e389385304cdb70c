"""A payment provider on this machine for tests: speaks the JSON of payment_links/README.md, and fails as it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep

SECRET = "a-secret-of-at-least-16"


class StandIn:
    """What the provider holds and how it behaves. `fail` is a status to answer, or "hang"."""

    def __init__(self) -> None:
        self.links: dict[str, dict] = {}
        self.keys: dict[str, str] = {}
        self.asked: list[tuple[str, str, dict]] = []
        self.fail: int | str | None = None
        self.redirect = ""
        self.answer: bytes | None = None
        self.url = ""

    def pay(self, reference: str, *, payment: str = "pay_1", **changes: str) -> dict:
        link = self.links[reference]
        link["status"] = "paid"
        link["payment"] = {"id": payment, "amount": link["amount"], "currency": link["currency"], "method": "upi"}
        link["payment"] |= changes
        return link


@contextmanager
def running() -> Iterator[StandIn]:
    """Run the stand-in on a free port."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            self.handle_any({})

        def do_POST(self):
            self.handle_any(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}"))

        def handle_any(self, data):
            stand_in.asked.append((self.command, self.path, data))
            assert self.headers["Authorization"] == "Bearer token"
            if stand_in.fail == "hang":
                sleep(1)
                return
            if stand_in.redirect:
                self.send_response(302)
                self.send_header("Location", stand_in.redirect)
                self.end_headers()
                return
            status, body = (stand_in.fail, {}) if stand_in.fail else self.work(data)
            text = stand_in.answer if stand_in.answer is not None else json.dumps(body).encode()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text)

        def work(self, data):
            parts = self.path.strip("/").split("/")[1:]
            if parts == ["links"]:
                key = data["key"]
                if key not in stand_in.keys:
                    reference = stand_in.keys[key] = f"lnk_{len(stand_in.keys) + 1}"
                    url = f"{stand_in.url}/pay/{reference}"
                    stand_in.links[reference] = {"id": reference, "url": url, "status": "open", **data}
                return 201, stand_in.links[stand_in.keys[key]]
            link = stand_in.links.get(parts[1])
            if link is None:
                return 404, {}
            if parts[2:] == ["cancel"]:
                if link["status"] == "paid":
                    return 409, {}
                link["status"] = "cancelled"
            return 200, link

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield stand_in
    server.shutdown()
    server.server_close()
    thread.join()

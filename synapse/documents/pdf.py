"""HTML to PDF in a process of its own with every door shut; see `pdf_child` for what it may.

One child a server process, started with the first document, warm for the next ones, exchanged now and then and
whenever a document kills it.
"""

import atexit
import base64
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from io import BytesIO
from typing import IO, Any

from django.conf import settings

from synapse.documents.pdf_child import MAXIMUM_HTML_BYTES

# By the clock, for a machine that is busy with other things; the child's own limit is in computing time.
MAXIMUM_RENDER_SECONDS = 40.0
DOCUMENTS_A_CHILD = 200
COMMAND = ["-m", "synapse.documents.pdf_child"]
STAMP_POINTS = 58
STAMP_DEGREES = 52
STAMP_OPACITY = 0.14
_LENGTH = struct.Struct(">I")


class DocumentError(Exception):
    """A document that could not be rendered. The text names the kind of failure and quotes nothing of the document."""


class _Died(Exception):
    """The child ended without an answer, or did not answer in time."""


class _Child:
    """A running child and how often it was used."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.used = 0
        # No variable of ours: neither a key nor the database's address is in its reach.
        self._process = subprocess.Popen(
            [sys.executable, *COMMAND],
            cwd=settings.BASE_DIR,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self) -> None:
        self._process.wait()

    @property
    def is_usable(self) -> bool:
        return self.owner == os.getpid() and self.used < DOCUMENTS_A_CHILD and self._process.poll() is None

    def ask(self, request: dict[str, str]) -> dict[str, Any]:
        """Return the child's answer. Raises _Died."""
        self.used += 1
        body = json.dumps(request).encode()
        deadline = time.monotonic() + MAXIMUM_RENDER_SECONDS
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(_LENGTH.pack(len(body)) + body)
            self._process.stdin.flush()
        except OSError:
            raise _Died from None
        (length,) = _LENGTH.unpack(_read(self._process.stdout, _LENGTH.size, deadline))
        return dict(json.loads(_read(self._process.stdout, length, deadline)))

    def end(self) -> None:
        """Kill the child; one that another process started is left to that one."""
        if self.owner == os.getpid() and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue


_lock = threading.Lock()
_children: list[_Child] = []


def html_to_pdf(html: str, *, title: str) -> bytes:
    """Render a complete HTML document to PDF bytes.

    The document may link `css/print.css`, use its fonts and hold images as PNG or JPEG `data:` addresses; any other
    address, local or remote, is refused. `title` becomes the PDF's title, which file managers show: put no patient's
    name in it. Raises DocumentError.
    """
    if len(html.encode(errors="replace")) > MAXIMUM_HTML_BYTES:
        raise DocumentError("The document is too long to be rendered.")
    with _lock:
        try:
            answer = _usable_child().ask({"html": html.encode(errors="replace").decode(), "title": title})
        except _Died:
            end_child()
            raise DocumentError("The document took too much time or memory and was not rendered.") from None
    if "pdf" not in answer:
        raise DocumentError(f"The document could not be rendered ({answer.get('error', 'unknown')}).")
    return base64.b64decode(answer["pdf"])


def end_child() -> None:
    """End the child there is; the next document starts another."""
    while _children:
        _children.pop().end()


def _usable_child() -> _Child:
    if not _children or not _children[0].is_usable:
        end_child()
        _children.append(_Child())
    return _children[0]


def _read(pipe: IO[bytes], count: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    while count:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(pipe.fileno(), count) if ready else b""
        if not part:
            raise _Died
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


atexit.register(end_child)


def stamp(pdf: bytes, words: str) -> bytes:
    """Write words in large grey letters across every page."""
    from pypdf import PdfReader, PdfWriter
    from reportlab.lib.colors import Color
    from reportlab.pdfgen.canvas import Canvas

    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf)))
    for page in writer.pages:
        width, height = float(page.mediabox.width), float(page.mediabox.height)
        layer = BytesIO()
        canvas = Canvas(layer, pagesize=(width, height))
        canvas.setFont("Helvetica-Bold", STAMP_POINTS)
        canvas.setFillColor(Color(0.36, 0.42, 0.40, alpha=STAMP_OPACITY))
        canvas.translate(width / 2, height / 2)
        canvas.rotate(STAMP_DEGREES)
        canvas.drawCentredString(0, 0, words)
        canvas.save()
        page.merge_page(PdfReader(layer).pages[0])
    output = BytesIO()
    writer.write(output)
    return output.getvalue()

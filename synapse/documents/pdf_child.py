"""The process that lays out PDFs: fed through a pipe, it can open no socket, write no file and read nothing but our
style sheets and fonts; a document that takes too much time or memory kills it and nobody else.

It knows no settings, no key and no database: `pdf` starts it with an empty environment. Requests and answers are a
four-byte length and JSON.
"""

import base64
import json
import logging
import mimetypes
import os
import resource
import struct
import sys
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

CPU_SECONDS = 10  # a 10-page report takes below two
RENDER_SECONDS = 40  # by the clock: a busy machine gives computing time slowly
MEMORY_BYTES = 512 * 1024 * 1024  # of addresses; the libraries alone take about 150 MB of them
MAXIMUM_HTML_BYTES = 5 * 1024 * 1024

_STATIC = (Path(__file__).resolve().parents[2] / "static").resolve()
_STYLE_SHEETS = {"css/print.css", "css/print-letter.css"}
_FONT_FOLDER = PurePosixPath("fonts/print")
_LENGTH = struct.Struct(">I")
_REFUSED_EVENTS = (
    *("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system", "os.spawn", "ctypes.", "shutil."),
    *("os.remove", "os.rename", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.listdir", "tempfile.", "urllib."),
)


class Refused(Exception):
    """The document asked for something that is closed to it."""


def resolve_address(address: str, relative_to: Any = None) -> str:
    """Return what an address in a document stands for: an allowed file's path, an inline image, or nothing at all."""
    if address.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")):
        return address
    name = PurePosixPath(address.removeprefix("../"))
    if ".." in name.parts or name.is_absolute():
        return ""
    if str(name) in _STYLE_SHEETS or (name.parent == _FONT_FOLDER and name.suffix == ".ttf"):
        return str(_STATIC / name)
    return ""


def render(html: str, title: str) -> bytes:
    """Return the PDF of a complete HTML document."""
    from xhtml2pdf import pisa
    from xhtml2pdf.config.resources import ResourceAccessPolicy

    from synapse.documents.glyphs import fit_html

    policy = ResourceAccessPolicy.server(
        None,
        allow_remote=False,
        extra_roots=(_STATIC / "css", _STATIC / _FONT_FOLDER),
        max_render_seconds=RENDER_SECONDS,
        max_document_bytes=MAXIMUM_HTML_BYTES,
    )
    output = BytesIO()
    result = pisa.CreatePDF(
        fit_html(html),
        dest=output,
        encoding="utf-8",
        link_callback=resolve_address,
        capacity=-1,  # a long document would be put in clear into the system's temporary folder
        resource_policy=policy,
        context_meta={"title": title, "author": "SynapseAI", "subject": "", "keywords": ""},
    )
    if result.err:
        raise Refused
    return output.getvalue()


def close_doors() -> None:
    """Refuse from now on every socket, process, written file, and file read outside our own; it cannot be undone."""
    readable = (str(_STATIC / "css"), str(_STATIC / _FONT_FOLDER), *_library_folders())

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(_REFUSED_EVENTS):
            raise Refused(event)
        if event == "open":
            path, mode, flags = arguments
            is_written = (isinstance(mode, str) and set(mode) & set("wax+")) or (
                flags and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            )
            if isinstance(path, int):
                return
            if is_written or not os.path.realpath(os.fsdecode(path)).startswith(readable):
                raise Refused(event)

    sys.addaudithook(watch)


def limit(*, cpu_seconds: int) -> None:
    """Allow one more document this much computing time; beyond it the system ends this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (spent + cpu_seconds, resource.RLIM_INFINITY))


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer one request after the other until the pipe is closed."""
    mimetypes.init()  # reads files of the system's
    import xhtml2pdf.pisa  # noqa: F401  the first document does not wait for it

    # The renderer's warnings quote the document they complain about, and a document is patient data.
    for name in ("xhtml2pdf", "reportlab", "PIL"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    close_doors()
    while (request := read_message(source)) is not None:
        limit(cpu_seconds=CPU_SECONDS)
        try:
            content = render(request["html"], request["title"])
            answer = {"pdf": base64.b64encode(content).decode()}
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  the name of its kind is all that leaves: its text quotes the document
            answer = {"error": type(error).__name__}
        write_message(target, answer)


def read_message(source: BinaryIO) -> dict[str, Any] | None:
    """Return the next message, None at the end of the pipe."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    body = source.read(_LENGTH.unpack(head)[0])
    return dict(json.loads(body)) if body else None


def write_message(target: BinaryIO, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    target.write(_LENGTH.pack(len(body)) + body)
    target.flush()


def _library_folders() -> tuple[str, ...]:
    """Return where Python's own modules and the libraries are: some are imported with the first use."""
    folders = [os.path.realpath(folder) for folder in (sys.prefix, sys.base_prefix, Path(os.__file__).parent) if folder]
    own = [str(Path(__file__).resolve().parent)]
    return tuple(folder.rstrip("/") + "/" for folder in (*folders, *own, "/usr/share/zoneinfo"))


def answers() -> BinaryIO:
    """Return the pipe for answers; what a library prints goes where nobody reads it and cannot pose as one."""
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return pipe


if __name__ == "__main__":
    serve(sys.stdin.buffer, answers())

"""The renderer reads nothing but what it is given, its style sheet and its fonts."""

import base64
import os
import signal
import socket
import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path

import pypdf
import pytest
from django.conf import settings
from PIL import Image

from synapse.documents import docx, pdf
from synapse.documents.pdf import DocumentError, html_to_pdf, stamp
from synapse.documents.pdf_child import resolve_address
from synapse.documents.text import printable

PAGE = """<!doctype html><html><head><link rel="stylesheet" href="css/print.css">{head}</head>
<body><div id="doc">{body}</div><div id="footer">Page <pdf:pagenumber> of <pdf:pagecount></div></body></html>"""


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf)).pages)


@pytest.fixture
def listener():
    """A server on this machine that counts who comes by."""
    hits: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                hits.append(connection.recv(200))

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}", hits
    server.close()


def test_names_and_prices_print_with_every_letter():
    body = "<h1>Čapek ₹ 500</h1><p>Łódź, ₹ 1,200, Őrs, 50 µg ≥ 3</p><table class='list'><tr><td>ā ş ž</td></tr></table>"

    text = text_of(html_to_pdf(PAGE.format(head="", body=body), title="Letters"))

    for letters in ("Čapek ₹ 500", "Łódź, ₹ 1,200, Őrs, 50 µg ≥ 3", "ā ş ž"):
        assert letters in text


def test_rendering_reaches_no_network(listener):
    address, hits = listener
    head = (
        f'<link rel="stylesheet" href="{address}/a.css"><style>@import url("{address}/b.css");'
        f'@font-face{{font-family:X;src:url("{address}/x.ttf")}} p{{background-image:url("{address}/bg.png")}}</style>'
    )
    body = f'<p>Words</p><img src="{address}/i.png"><p style="font-family:X">More</p>'

    text = text_of(html_to_pdf(PAGE.format(head=head, body=body), title="Closed"))

    assert hits == []
    assert "Words" in text


def test_rendering_reads_no_file_outside_the_print_folder(tmp_path):
    secret = tmp_path / "secret.css"
    secret.write_text("p { color: red } /* top secret words */")
    picture = tmp_path / "picture.png"
    Image.new("RGB", (40, 40), "red").save(picture)
    body = f'<p>Words</p><img src="{picture}"><img src="file://{picture}"><pdf:include src="{secret}"/>'
    head = f'<link rel="stylesheet" href="{secret}"><link rel="stylesheet" href="../../synapse/settings.py">'

    pdf = html_to_pdf(PAGE.format(head=head, body=body), title="Closed")

    assert not any(page.images for page in pypdf.PdfReader(BytesIO(pdf)).pages)
    assert "secret" not in text_of(pdf)


@pytest.mark.parametrize(
    "address",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1/x",
        "../../manage.py",
        "css/../../manage.py",
        "css/base.css",
    ],
)
def test_an_address_outside_the_closed_set_stands_for_nothing(address):
    assert resolve_address(address) == ""


def test_an_inline_logo_is_drawn():
    logo = BytesIO()
    Image.new("RGB", (8, 8), "green").save(logo, "PNG")
    source = f"data:image/png;base64,{base64.b64encode(logo.getvalue()).decode()}"

    pdf = html_to_pdf(PAGE.format(head="", body=f'<p>Logo</p><img src="{source}" width="20">'), title="Logo")

    assert any(page.images for page in pypdf.PdfReader(BytesIO(pdf)).pages)


def test_a_document_without_end_is_refused():
    with pytest.raises(DocumentError):
        html_to_pdf(PAGE.format(head="", body="<p>word</p>" * 600_000), title="Long")


def test_the_title_is_the_one_given():
    reader = pypdf.PdfReader(BytesIO(html_to_pdf(PAGE.format(head="", body="<p>x</p>"), title="Follow-up")))

    assert reader.metadata is not None
    assert reader.metadata.title == "Follow-up"


def test_a_stamp_stands_on_every_page():
    body = "<p>One</p><pdf:nextpage/><p>Two</p>"

    stamped = stamp(html_to_pdf(PAGE.format(head="", body=body), title="x"), "Draft, not signed")

    pages = pypdf.PdfReader(BytesIO(stamped)).pages
    assert len(pages) == 2
    assert all("Draft, not signed" in page.extract_text() for page in pages)


def test_a_word_document_takes_any_text():
    document = docx.new_document(title="Any")
    docx.add_text(document.add_paragraph(), "bell \x07 and vertical tab \x0b stay out")

    assert docx.to_bytes(document).startswith(b"PK")


def test_unprintable_characters_are_dropped_and_the_rest_stays():
    assert printable("a\x00b\x0bc\ud800 ₹\n\tć") == "abc ₹\n\tć"


def test_a_long_document_is_never_put_into_a_temporary_file():
    """The renderer would write it in clear; its process can write nothing, so it would fail instead."""
    html = (
        f"<html><body><div id='doc'><!-- {'long ' * 30_000} --><p>words</p></div><div id='footer'>x</div></body></html>"
    )

    assert len(html) > 100 * 1024
    assert html_to_pdf(html, title="Long").startswith(b"%PDF")


@pytest.fixture
def shut():
    """Run a piece of code in a process whose doors are shut as the renderer's are, and return what stopped it."""

    def run(code):
        program = (
            "from synapse.documents import pdf_child\nimport resource\npdf_child.close_doors()\n"
            f"try:\n    {code}\n    print('open')\nexcept pdf_child.Refused:\n    print('refused')"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout.strip() or done.stderr[-200:]

    return run


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket().connect(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('example.org', 80)",
        "open('/etc/passwd').read()",
        "open('manage.py').read()",
        "open('var/.env').read()",
        "open('/tmp/out', 'w')",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.open('/etc/hostname', os.O_RDONLY)",
    ],
)
def test_the_renderers_process_reaches_nothing(shut, code):
    assert shut(code) == "refused"


def test_it_may_read_our_style_sheets_and_fonts(shut):
    assert shut("open('static/css/print.css').read(); open('static/fonts/print/sans-400.ttf', 'rb').read()") == "open"


def test_its_environment_holds_no_key():
    html_to_pdf(PAGE.format(head="", body="<p>x</p>"), title="x")

    known = Path(f"/proc/{pdf._children[0].pid}/environ").read_bytes()

    assert not any(name.encode() in known for name in settings.KEY_NAMES)


ENDLESS = {"time": "while True: pass", "memory": "bytearray(pdf_child.MEMORY_BYTES)"}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_document_that_takes_too_much_is_a_clear_error_and_the_next_one_prints(what, monkeypatch):
    pdf.end_child()
    program = (
        "from synapse.documents import pdf_child\nimport sys\npdf_child.CPU_SECONDS = 0\n"
        f"def render(html, title):\n    {ENDLESS[what]}\n"
        "pdf_child.render = render\npdf_child.serve(sys.stdin.buffer, pdf_child.answers())"
    )
    monkeypatch.setattr(pdf, "COMMAND", ["-c", program])

    with pytest.raises(DocumentError, match="too much"):
        html_to_pdf(PAGE.format(head="", body="<p>x</p>"), title="Endless")
    monkeypatch.undo()
    pdf.end_child()

    assert "Words" in text_of(html_to_pdf(PAGE.format(head="", body="<p>Words</p>"), title="x"))


def test_a_killed_process_is_replaced():
    html_to_pdf(PAGE.format(head="", body="<p>x</p>"), title="x")
    os.kill(pdf._children[0].pid, signal.SIGKILL)
    pdf._children[0].wait()

    assert html_to_pdf(PAGE.format(head="", body="<p>x</p>"), title="x").startswith(b"%PDF")

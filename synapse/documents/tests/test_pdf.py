"""The renderer reads nothing but what it is given, its style sheet and its fonts."""

import base64
import socket
import threading
from io import BytesIO

import pypdf
import pytest
from PIL import Image

from synapse.documents import docx
from synapse.documents.pdf import DocumentError, html_to_pdf, resolve_address, stamp
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

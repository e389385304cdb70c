"""HTML to PDF with every door shut: no network, no file except our print style sheet and fonts."""

import logging
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings

# A clinic document is far below these; the limits keep a broken one from holding a worker.
MAXIMUM_RENDER_SECONDS = 40
MAXIMUM_HTML_BYTES = 5 * 1024 * 1024
STAMP_POINTS = 58
STAMP_DEGREES = 52
STAMP_OPACITY = 0.14

_STATIC = Path(settings.BASE_DIR, "static").resolve()
_STYLE_SHEETS = {"css/print.css"}
_FONT_FOLDER = PurePosixPath("fonts/print")

# The renderer's warnings quote the document they complain about, and a document is patient data.
for _name in ("xhtml2pdf", "reportlab"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class DocumentError(Exception):
    """A document that could not be rendered. The text names the kind of failure and quotes nothing of the document."""


def html_to_pdf(html: str, *, title: str) -> bytes:
    """Render a complete HTML document to PDF bytes.

    The document may link `css/print.css`, use its fonts and hold images as PNG or JPEG `data:` addresses; any other
    address, local or remote, is refused. `title` becomes the PDF's title, which file managers show: put no patient's
    name in it. Raises DocumentError.
    """
    from xhtml2pdf import pisa
    from xhtml2pdf.config.resources import RenderLimitError, ResourceAccessPolicy

    policy = ResourceAccessPolicy.server(
        None,
        allow_remote=False,
        extra_roots=(_STATIC / "css", _STATIC / _FONT_FOLDER),
        max_render_seconds=MAXIMUM_RENDER_SECONDS,
        max_document_bytes=MAXIMUM_HTML_BYTES,
    )
    output = BytesIO()
    try:
        result = pisa.CreatePDF(
            html,
            dest=output,
            encoding="utf-8",
            link_callback=resolve_address,
            resource_policy=policy,
            context_meta={"title": title, "author": "SynapseAI", "subject": "", "keywords": ""},
        )
    except (RenderLimitError, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        raise DocumentError(f"The document could not be rendered ({type(error).__name__}).") from None
    if result.err:
        raise DocumentError("The document could not be rendered.")
    return output.getvalue()


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

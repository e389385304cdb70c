"""A PDF made fit to be kept for years: PDF/A-1b (ISO 19005-1, level B).

The renderer embeds our fonts and draws in RGB; what it leaves out is added here: what the colours mean (sRGB), the
metadata in XMP, and nothing that is see-through or only named. Apache PDFBox Preflight finds no fault in the result:
`billing/tests/test_papers.py` asks it where it is installed.
"""

import re
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from synapse.documents.glyphs import FONTS
from synapse.documents.pdf import STAMP_DEGREES, STAMP_POINTS, DocumentError
from synapse.documents.srgb import srgb_profile

PRODUCER = "SynapseAI"
_STAMP_FONT = "Stamp"
_STAMP_GREY = (0.91, 0.92, 0.917)
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"><pdfaid:part>1</pdfaid:part>\
<pdfaid:conformance>B</pdfaid:conformance></rdf:Description>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:format>application/pdf</dc:format>\
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"><pdf:Producer>{producer}</pdf:Producer>\
</rdf:Description>
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"><xmp:CreateDate>{at}</xmp:CreateDate>\
<xmp:ModifyDate>{at}</xmp:ModifyDate></rdf:Description>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def for_keeping(pdf: bytes, *, title: str, at: datetime, stamp: str = "") -> bytes:
    """Return a rendered PDF as PDF/A-1b, with words in large grey letters behind the text of every page if wanted.

    Raises DocumentError when a page is written in a font that is not embedded.
    """
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import NameObject

    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf)))
    writer.pdf_header = "%PDF-1.4"
    for page in writer.pages:
        if stamp:
            page.merge_page(_stamp_page(stamp, float(page.mediabox.width), float(page.mediabox.height)), over=False)
        _put_on_white(page, writer)
        page.pop(NameObject("/Trans"), None)
    _drop_unused_fonts(writer)
    writer._root_object[NameObject("/OutputIntents")] = _output_intent(writer)
    writer._root_object[NameObject("/Metadata")] = _metadata(writer, title=title, at=at)
    moment = f"D:{at.astimezone(UTC):%Y%m%d%H%M%S}+00'00'"
    writer.metadata = {"/Title": title, "/Producer": PRODUCER, "/CreationDate": moment, "/ModDate": moment}
    writer.generate_file_identifiers()
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def _stamp_page(words: str, width: float, height: float) -> Any:
    from pypdf import PdfReader
    from reportlab.lib.colors import Color
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    if _STAMP_FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(_STAMP_FONT, str(FONTS / "sans-650.ttf")))
    layer = BytesIO()
    canvas = Canvas(layer, pagesize=(width, height))
    canvas.setFont(_STAMP_FONT, STAMP_POINTS)
    canvas.setFillColor(Color(*_STAMP_GREY))
    canvas.translate(width / 2, height / 2)
    canvas.rotate(STAMP_DEGREES)
    canvas.drawCentredString(0, 0, words)
    canvas.save()
    return PdfReader(layer).pages[0]


def _put_on_white(page: Any, writer: Any) -> None:
    """Mix what is see-through in the pictures of a page with white: PDF/A-1 has no transparency."""
    from PIL import Image
    from pypdf.generic import NameObject, StreamObject

    resource = page["/Resources"].get("/XObject")
    pictures = resource.get_object() if resource is not None else {}
    for name in list(pictures):
        picture = pictures[name].get_object()
        if "/SMask" not in picture:
            continue
        size = (int(picture["/Width"]), int(picture["/Height"]))
        mask = Image.frombytes("L", size, picture["/SMask"].get_object().get_data())
        flat = Image.new("RGB", size, (255, 255, 255))
        flat.paste(Image.frombytes("RGB", size, picture.get_data()), mask=mask)
        stream = StreamObject()
        stream.set_data(flat.tobytes())
        for key in ("/Type", "/Subtype", "/Width", "/Height", "/BitsPerComponent", "/ColorSpace"):
            stream[NameObject(key)] = picture[key]
        pictures[NameObject(name)] = writer._add_object(stream.flate_encode())


def _drop_unused_fonts(writer: Any) -> None:
    """Take out the Helvetica that the renderer names at the start of each text and never writes with."""
    from pypdf.generic import NameObject, StreamObject

    # Pages share their fonts, so all are looked through before one is taken out.
    named = [_not_embedded(page) for page in writer.pages]
    for page, names in zip(writer.pages, named, strict=True):
        data = page.get_contents().get_data() if page.get_contents() is not None else b""
        for name in names:
            tag = re.escape(name.encode())
            data = re.sub(rb"BT\s+" + tag + rb"\s+[\d.]+\s+Tf\s+[\d.]+\s+TL\s+ET", b"", data)
            if re.search(tag + rb"\s", data):
                raise DocumentError("A page is written in a font that is not embedded.")
            page["/Resources"]["/Font"].get_object().pop(NameObject(name), None)
        stream = StreamObject()
        stream.set_data(data)
        page[NameObject("/Contents")] = writer._add_object(stream.flate_encode())


def _not_embedded(page: Any) -> list[str]:
    fonts = page["/Resources"].get("/Font")
    entries = fonts.get_object().items() if fonts is not None else ()
    return [str(name) for name, font in entries if font.get_object().get("/BaseFont") == "/Helvetica"]


def _output_intent(writer: Any) -> Any:
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, StreamObject, TextStringObject

    profile = StreamObject()
    profile.set_data(srgb_profile())
    profile[NameObject("/N")] = NumberObject(3)
    intent = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/OutputIntent"),
            NameObject("/S"): NameObject("/GTS_PDFA1"),
            NameObject("/OutputConditionIdentifier"): TextStringObject("sRGB IEC61966-2.1"),
            NameObject("/Info"): TextStringObject("sRGB IEC61966-2.1"),
            NameObject("/RegistryName"): TextStringObject("http://www.color.org"),
            NameObject("/DestOutputProfile"): writer._add_object(profile.flate_encode()),
        }
    )
    return ArrayObject([writer._add_object(intent)])


def _metadata(writer: Any, *, title: str, at: datetime) -> Any:
    from pypdf.generic import NameObject, StreamObject

    stream = StreamObject()
    values = {"title": escape(title), "producer": PRODUCER, "at": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"}
    stream.set_data(_XMP.format(**values).encode())
    stream[NameObject("/Type")] = NameObject("/Metadata")
    stream[NameObject("/Subtype")] = NameObject("/XML")
    return writer._add_object(stream)

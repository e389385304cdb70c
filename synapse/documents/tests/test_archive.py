"""A PDF for keeping: nothing see-through, nothing only named, and it says what its colours mean."""

from base64 import b64encode
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageCms
from pypdf import PdfReader

from synapse.documents.archive import for_keeping
from synapse.documents.pdf import html_to_pdf
from synapse.documents.srgb import srgb_profile

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PAGE = """<!doctype html><html><head><link rel="stylesheet" href="css/print.css"></head><body><div id="doc">
<p>Words ₹ 5 and <b>more</b></p><pdf:nextpage>
<p>Second page</p><p>परामर्श</p><img src="data:image/png;base64,{picture}" width="40" height="40">
</div><div id="footer">Page <pdf:pagenumber></div></body></html>"""


def see_through():
    output = BytesIO()
    Image.new("RGBA", (8, 8), (200, 0, 0, 100)).save(output, "PNG")
    return b64encode(output.getvalue()).decode()


@pytest.fixture(scope="module")
def kept():
    pdf = html_to_pdf(PAGE.format(picture=see_through()), title="Invoice <1> & Co")
    return PdfReader(BytesIO(for_keeping(pdf, title="Invoice <1> & Co", at=AT, stamp="CANCELLED")))


def test_it_says_what_it_is_and_names_nobody(kept):
    xmp = kept.xmp_metadata

    assert (xmp.pdfaid_part, xmp.pdfaid_conformance) == ("1", "B")
    assert xmp.dc_title == {"x-default": "Invoice <1> & Co"}
    assert xmp.xmp_create_date == AT.replace(tzinfo=None)
    assert dict(kept.metadata) == {
        "/Title": "Invoice <1> & Co",
        "/Producer": "SynapseAI",
        "/CreationDate": "D:20260302093000+00'00'",
        "/ModDate": "D:20260302093000+00'00'",
    }


def test_every_font_is_embedded_and_no_picture_is_see_through(kept):
    assert len(kept.pages) == 2
    for page in kept.pages:
        assert b"/F1 " not in page.get_contents().get_data()
        fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
        assert fonts
        assert all("/FontFile2" in font["/FontDescriptor"] for font in fonts)
        pictures = [picture.get_object() for picture in page["/Resources"].get("/XObject", {}).values()]
        assert all("/SMask" not in picture for picture in pictures)


def test_what_was_see_through_is_mixed_with_white(kept):
    colours = {image.image.convert("RGB").getpixel((4, 4)) for image in kept.pages[1].images if image.image.width == 8}

    assert colours == {(233, 155, 155)}


def test_text_and_stamp_can_be_read(kept):
    first, second = (page.extract_text() for page in kept.pages)

    assert "Words ₹ 5 and more" in first
    assert "Second page" in second
    assert all("CANCELLED" in text for text in (first, second))


def test_colours_are_those_of_srgb(kept):
    [intent] = kept.trailer["/Root"]["/OutputIntents"]
    assert intent.get_object()["/DestOutputProfile"].get_object().get_data() == srgb_profile()

    ours = ImageCms.ImageCmsProfile(BytesIO(srgb_profile()))
    theirs = ImageCms.createProfile("sRGB")
    picture = Image.merge(
        "RGB", [Image.linear_gradient("L"), Image.linear_gradient("L").rotate(90), Image.new("L", (256, 256), 77)]
    )
    changed = ImageCms.profileToProfile(picture, ours, theirs)

    apart = max(high for _, high in [band.getextrema() for band in ImageChops.difference(picture, changed).split()])
    assert apart <= 2

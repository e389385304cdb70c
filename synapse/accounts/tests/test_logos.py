from io import BytesIO

import pytest
from PIL import Image

from synapse.accounts import logos


def picture(kind="PNG", size=(40, 30), **options):
    content = BytesIO()
    Image.new("RGB", size, "#0a6558").save(content, kind, **options)
    content.seek(0)
    return content


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_becomes_png(kind):
    stored = logos.read_logo(picture(kind))

    with Image.open(BytesIO(stored)) as image:
        assert (image.format, image.size) == ("PNG", (40, 30))


def test_a_large_picture_is_made_smaller():
    stored = logos.read_logo(picture(size=(2000, 1000)))

    with Image.open(BytesIO(stored)) as image:
        assert image.size == (600, 300)


def test_metadata_does_not_survive():
    exif = Image.Exif()
    exif[0x010E] = "taken at home, 12 Karve Road"

    stored = logos.read_logo(picture("JPEG", exif=exif))

    assert b"Karve" not in stored
    with Image.open(BytesIO(stored)) as image:
        assert not image.getexif()


def test_a_turned_photograph_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees

    stored = logos.read_logo(picture("JPEG", exif=exif))

    with Image.open(BytesIO(stored)) as image:
        assert image.size == (30, 40)


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\nbroken", b"%PDF-1.4", b"GIF89a"],
)
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(logos.UnusableLogo):
        logos.read_logo(BytesIO(content))


def test_a_picture_that_unpacks_to_too_many_pixels_is_refused_unread():
    with pytest.raises(logos.UnusableLogo, match="pixels"):
        logos.read_logo(picture(size=(8000, 8000)))


def test_a_file_that_is_too_large_is_refused():
    with pytest.raises(logos.UnusableLogo, match="2 MB"):
        logos.read_logo(BytesIO(b"x" * (logos.MAXIMUM_BYTES + 1)))

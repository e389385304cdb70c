"""The picture on a practitioner's documents: whatever is uploaded, a small plain PNG is stored."""

from io import BytesIO
from typing import IO

from synapse.common.errors import DomainError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAXIMUM_BYTES = 2 * 1024 * 1024
MAXIMUM_PIXELS = 16_000_000
STORED_SIDE = 600  # pixels; prints sharp at 5 cm


class UnusableLogo(DomainError):
    """The upload is no picture that can be used."""

    code = "logo"


def read_logo(upload: IO[bytes]) -> bytes:
    """Return the picture as PNG of at most 600 by 600 pixels, without metadata. Raises UnusableLogo.

    The content decides what it is, never its name; the pixel count is read from the header before anything is decoded.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    content = upload.read(MAXIMUM_BYTES + 1)
    if len(content) > MAXIMUM_BYTES:
        raise UnusableLogo("The logo must be smaller than 2 MB. Save it with fewer pixels.")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            if picture.width * picture.height > MAXIMUM_PIXELS:
                raise UnusableLogo("The logo must have fewer than 16 million pixels. Save it smaller.")
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except Image.DecompressionBombError as error:
        raise UnusableLogo("The logo must have fewer than 16 million pixels. Save it smaller.") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise UnusableLogo("The logo must be a PNG, JPEG, WebP or GIF picture.") from error
    upright.thumbnail((STORED_SIDE, STORED_SIDE))
    stored = BytesIO()
    # A new image carries the pixels alone: no location, camera or colour profile of the upload.
    clean = Image.new("RGBA", upright.size)
    clean.paste(upright)
    clean.save(stored, "PNG", optimize=True)
    return stored.getvalue()

"""Files that pretend: none gets in, at any door, and each refusal says what to do."""

import re
import socket
import struct
import threading
import zlib
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from reports.sealing.forms import CompareForm
from reports.templating.new_forms import ImportForm
from scheduling.feeds.forms import BusyForm
from sessions_app.uploads.sound_files import NotSound, kind_of
from synapse.accounts.logos import UnusableLogo, read_logo
from synapse.accounts.models import UserProfile
from synapse.documents.clamav import ScannerAway
from synapse.documents.uploads import EICAR, Kind, UploadRefused, check_upload


def picture(file_type="PNG", size=(8, 8), **options):
    stored = BytesIO()
    Image.new("RGB", size, "green").save(stored, file_type, **options)
    return stored.getvalue()


def archive(name="a.txt", content=b"x"):
    stored = BytesIO()
    with ZipFile(stored, "w", ZIP_DEFLATED) as zipped:
        zipped.writestr(name, content)
    return stored.getvalue()


def vast_png():
    """A PNG of 30,000 by 30,000 pixels in a few hundred bytes: only its header says so."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


HOSTILE = {
    "eicar": (EICAR, tuple(Kind)),
    "eicar_far_in": (b"a,b\n" * 20_000 + EICAR, (Kind.TEXT,)),
    "gif_and_script": (picture("GIF") + b"/*<script>alert(1)</script>*/", (Kind.PICTURE, Kind.TEXT, Kind.PDF)),
    "png_and_zip": (picture() + archive(), (Kind.PICTURE, Kind.TEXT, Kind.PDF)),
    "pdf_and_zip": (b"%PDF-1.7\n%%EOF\n" + archive(), (Kind.PDF, Kind.PICTURE, Kind.TEXT)),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", (Kind.PICTURE, Kind.TEXT)),
    "html": (b"\n <!DOCTYPE html><script>alert(1)</script>", (Kind.PICTURE, Kind.TEXT, Kind.PDF)),
    "zip_bomb": (archive(content=bytes(10_000_000)), (Kind.PICTURE, Kind.TEXT, Kind.PDF)),
    "docx_bomb": (archive("word/document.xml", bytes(10_000_000)), (Kind.PICTURE, Kind.TEXT, Kind.PDF)),
    "program": (b"MZ" + bytes(200), tuple(Kind)),
    "script_file": (b"#!/bin/sh\nrm -rf /\n", tuple(Kind)),
}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, (_, kinds) in HOSTILE.items() for kind in kinds])
def test_a_file_that_pretends_is_refused_with_what_to_do(name, kind):
    with pytest.raises(UploadRefused) as refused:
        check_upload(BytesIO(HOSTILE[name][0]), kind)

    assert re.search(r"[Cc]hoose|checked", refused.value.message)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (picture(), Kind.PICTURE),
        (picture("JPEG"), Kind.PICTURE),
        (picture("GIF"), Kind.PICTURE),
        (b"name,phone\nKavya,1\n", Kind.TEXT),
        ("name\nKavya\n".encode("utf-16"), Kind.TEXT),
        (b"BEGIN:VCALENDAR\r\n", Kind.TEXT),
        (b"%PDF-1.7\n", Kind.PDF),
        (b"RIFF\x00\x00\x00\x00WAVE", Kind.SOUND),
    ],
)
def test_a_file_that_is_what_it_should_be_is_taken_and_put_back_to_its_beginning(content, kind):
    upload = BytesIO(content)

    check_upload(upload, kind)

    assert upload.read() == content


def test_a_vast_picture_is_refused_from_its_header():
    with pytest.raises(UnusableLogo, match="pixels"):
        read_logo(BytesIO(vast_png()))


def test_a_logo_is_drawn_anew_without_what_the_camera_wrote():
    exif = Image.Exif()
    exif[0x010E] = "GPS-secret"

    stored = read_logo(BytesIO(picture("JPEG", exif=exif)))

    assert stored.startswith(b"\x89PNG")
    assert b"GPS-secret" not in stored


def test_what_is_no_sound_is_no_recording():
    for content in (EICAR, archive(), picture(), b"<svg/>", b"MZ\x90\x00"):
        with pytest.raises(NotSound):
            kind_of(content)


FORMS = [(CompareForm, "file"), (ImportForm, "file"), (BusyForm, "file")]


@pytest.mark.parametrize(("form", "field"), FORMS, ids=lambda one: getattr(one, "__name__", one))
def test_a_form_shows_the_refusal_at_the_file(form, field):
    bound = form(
        {}, {field: SimpleUploadedFile("../../etc/passwd", b"%PDF-1.7 " + EICAR if form is CompareForm else EICAR)}
    )

    assert "virus" in str(bound.errors[field])


def test_every_form_takes_files_through_the_one_field():
    sources = [
        path
        for folder in ("synapse", "patients", "sessions_app", "reports", "scheduling", "billing")
        for path in (settings.BASE_DIR / folder).rglob("*.py")
        if "tests" not in path.parts
    ]

    own = {path.name for path in sources if re.search(r"forms\.(?:File|Image)Field\(", path.read_text())}

    assert own == set()


def test_a_logo_on_the_page_and_by_the_api_is_checked_and_its_name_is_nowhere(client, asha, api):
    hostile = SimpleUploadedFile("../../logo.png", HOSTILE["png_and_zip"][0], content_type="image/png")

    answer = api(asha).patch("/api/v1/profile/", {"logo": hostile}, format="multipart")

    assert answer.status_code == 400, answer.content
    assert "hidden" in answer.content.decode()
    assert not UserProfile.objects.get(user=asha).logo


@pytest.fixture
def clamd(settings):
    """A stand-in that speaks clamd's INSTREAM: it finds the word `worm`, and breaks off at `crash`."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            with line, line.makefile("rb") as source:
                assert source.read(10) == b"zINSTREAM\0"
                content = b""
                while size := struct.unpack(">I", source.read(4))[0]:
                    content += source.read(size)
                if b"crash" not in content:
                    line.sendall(b"stream: Worm FOUND\0" if b"worm" in content else b"stream: OK\0")

    threading.Thread(target=serve, daemon=True).start()
    settings.CLAMAV_ADDRESS = f"127.0.0.1:{server.getsockname()[1]}"
    yield server
    server.close()


def test_the_scanner_is_shown_every_byte_and_its_find_is_a_refusal(clamd):
    check_upload(BytesIO(b"a,b\n" * 40_000), Kind.TEXT)

    with pytest.raises(UploadRefused, match="virus"):
        check_upload(BytesIO(b"a,b\n" * 40_000 + b"worm"), Kind.TEXT)


def test_a_scanner_that_breaks_off_or_is_away_lets_nothing_in(clamd, settings):
    with pytest.raises(ScannerAway):
        check_upload(BytesIO(b"crash"), Kind.TEXT)
    for address in ("127.0.0.1:1", "unix:/nonexistent/clamd.ctl", "127.0.0.1:x"):
        settings.CLAMAV_ADDRESS = address
        with pytest.raises(ScannerAway):
            check_upload(BytesIO(b"a,b"), Kind.TEXT)


def test_a_page_says_so_with_503_and_takes_nothing(client, rita, settings):
    settings.CLAMAV_ADDRESS = "unix:/nonexistent/clamd.ctl"
    client.force_login(rita)

    answer = client.post("/imports/", {"kind": "patients", "file": SimpleUploadedFile("a.csv", b"First name\nKavya\n")})

    assert answer.status_code == 503
    assert "scanner does not answer" in answer.content.decode()

"""The clinic's signature in a PDF: valid to the last byte, broken by one, and telling nothing of a patient."""

import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import NameOID
from django.utils import timezone
from pypdf import PdfReader, PdfWriter

from synapse.documents import certificates
from synapse.documents.certificates import CertificateError, signing_identity
from synapse.documents.checks import check_pdf_certificate
from synapse.documents.pdf import html_to_pdf
from synapse.documents.pdf_signature import LARGEST_PDF, NOT_SIGNED, read_signature, sign_pdf

AT = datetime(2026, 3, 9, 11, 32, tzinfo=UTC)
CLINIC = "Banyan Clinic"
REASON = "Sealed report, code 7QKM-4F2X-9TDA-0HR1"


@pytest.fixture(autouse=True)
def data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture(scope="module")
def plain():
    return html_to_pdf("<html><body><p>Reports better sleep.</p></body></html>", title="Follow-up")


def signed(plain, at=AT):
    return sign_pdf(plain, reason=REASON, at=at, clinic=CLINIC)


def supply(settings, tmp_path, *, key=None, password="secret", begin=AT - timedelta(days=9), days=400, usage=None):
    """Write a .p12 as an issuer would hand it over and name it in the settings."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Supplied")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
    )
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    archive = pkcs12.serialize_key_and_certificates(
        b"x", key, builder.sign(key, algorithm), None, BestAvailableEncryption(password.encode())
    )
    path = tmp_path / "supplied.p12"
    path.write_bytes(archive)
    settings.PDF_CERTIFICATE, settings.PDF_CERTIFICATE_PASSWORD = str(path), password


def test_a_signed_pdf_is_whole_and_ours(plain):
    verdict = read_signature(signed(plain))

    assert verdict.is_signed
    assert verdict.is_ours
    assert verdict.is_whole
    assert (verdict.reason, verdict.signed_at) == (REASON, AT)


def test_the_signature_is_pades_with_sha256_over_the_whole_file(plain):
    data = signed(plain)

    field = PdfReader(BytesIO(data)).get_fields()["ClinicSignature"]["/V"]
    assert field["/SubFilter"] == "/ETSI.CAdES.detached"
    assert field["/Location"] == CLINIC
    start, head, tail, rest = field["/ByteRange"]
    assert (start, tail + rest) == (0, len(data))
    assert head < tail


def test_one_changed_byte_anywhere_breaks_it(plain):
    data = signed(plain)
    contents = data.index(b"/Contents <") + len(b"/Contents <")

    for place in (10, len(data) // 4, len(plain) // 2, contents + 400, len(data) - 4):
        changed = bytearray(data)
        changed[place] ^= 1
        assert not read_signature(bytes(changed)).is_whole, place


def test_letters_no_signature_covers_are_not_changed_either(plain):
    """The signature's own place is outside its ranges: readers do not mind another case of its digits or its padding."""
    data = signed(plain)
    begin = data.index(b"/Contents <") + len(b"/Contents <")
    end = data.index(b">", begin)
    letter = next(place for place in range(begin, end) if data[place : place + 1].isalpha())

    for place, byte in ((letter, data[letter] ^ 0x20), (end - 1, ord("1")), (end - 1, ord(" "))):
        changed = bytearray(data)
        changed[place] = byte
        assert not read_signature(bytes(changed)).is_whole
    for place in range(begin + 40, begin + 90, 6):  # names of algorithms in the head of the signature
        changed = bytearray(data)
        changed[place] = ord("0") if changed[place] != ord("0") else ord("1")
        assert not read_signature(bytes(changed)).is_whole, place


def test_bytes_added_after_the_signature_break_it(plain):
    data = signed(plain)

    writer = PdfWriter(BytesIO(data), incremental=True)
    writer.pages[0].rotate(90)
    output = BytesIO()
    writer.write(output)

    assert not read_signature(data + b"\n% more").is_whole
    assert not read_signature(output.getvalue()).is_whole


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="poppler-utils is not installed")
def test_poppler_says_that_the_signature_is_valid_and_covers_the_document(plain, tmp_path):
    path = tmp_path / "signed.pdf"
    path.write_bytes(signed(plain))

    said = subprocess.run(["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False).stdout

    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "Signing Hash Algorithm: SHA-256" in said
    assert f"Signer Certificate Common Name: {CLINIC}" in said
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 3] ^= 1
    path.write_bytes(bytes(changed))
    said = subprocess.run(["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" not in said


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a pdf",
        b"%PDF-1.4",
        b"%PDF-1.4\n1 0 obj<<>>endobj\nstartxref\n9\n%%EOF",
        b"%PDF-" + b"0" * LARGEST_PDF,
    ],
)
def test_what_is_no_signed_pdf_counts_as_not_signed(data):
    assert read_signature(data) == NOT_SIGNED


def test_a_pdf_without_a_signature_counts_as_not_signed(plain):
    assert read_signature(plain) == NOT_SIGNED


def test_a_valid_signature_of_somebody_else_is_not_ours(plain, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "elsewhere"
    foreign = signed(plain)
    settings.DATA_DIR = tmp_path / "here"
    signed(plain)

    verdict = read_signature(foreign)

    assert (verdict.is_signed, verdict.is_ours, verdict.is_whole) == (True, False, False)


def test_the_certificate_is_made_once_for_ten_years_and_names_the_clinic_alone():
    first = signing_identity(clinic=CLINIC, at=AT).certificate
    again = signing_identity(clinic="Renamed", at=AT + timedelta(days=900)).certificate

    assert first == again
    assert [attribute.value for attribute in first.subject] == [CLINIC]
    assert first.not_valid_before_utc < AT < first.not_valid_after_utc
    assert timedelta(days=3650) < first.not_valid_after_utc - first.not_valid_before_utc < timedelta(days=3655)
    assert first.issuer == first.subject


def test_the_private_key_lies_encrypted_and_for_this_user_only(data_folder, settings):
    signing_identity(clinic=CLINIC, at=AT)
    folder = data_folder / certificates.FOLDER
    archive = (folder / certificates.MADE_FILE).read_bytes()

    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for guess in (None, b"", settings.SIGNING_KEY[0].encode()):
        with pytest.raises(ValueError):
            pkcs12.load_key_and_certificates(archive, guess)


def test_the_certificate_follows_a_new_signing_key(settings):
    before = signing_identity(clinic=CLINIC, at=AT).certificate
    former = settings.SIGNING_KEY[0]

    settings.SIGNING_KEY = ["a fresh signing key of forty-three characters", former]
    assert signing_identity(clinic=CLINIC, at=AT).certificate == before
    settings.SIGNING_KEY = settings.SIGNING_KEY[:1]

    assert signing_identity(clinic=CLINIC, at=AT).certificate == before
    settings.SIGNING_KEY = ["some other key that never encrypted any of it"]
    with pytest.raises(CertificateError, match="SIGNING_KEY"):
        signing_identity(clinic=CLINIC, at=AT)


def test_an_ended_certificate_is_followed_by_a_new_one_and_its_documents_stay_ours(plain):
    document = signed(plain)
    first = signing_identity(clinic=CLINIC, at=AT).certificate

    later = signing_identity(clinic=CLINIC, at=AT + timedelta(days=3700)).certificate

    assert later != first
    assert {first, later} == set(certificates.known_certificates())
    assert read_signature(document).is_whole


def test_a_supplied_certificate_signs_and_the_former_documents_stay_ours(plain, settings, tmp_path):
    before = signed(plain)

    supply(settings, tmp_path, key=rsa.generate_private_key(65537, 2048))

    assert read_signature(signed(plain)).is_whole
    assert read_signature(before).is_whole
    assert len(certificates.known_certificates()) == 2


def usage(**granted):
    names = ("digital_signature", "content_commitment", "key_encipherment", *certificates.OTHER_USES[1:])
    return x509.KeyUsage(**{**dict.fromkeys(names, False), **granted})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"key": rsa.generate_private_key(65537, 1024)}, "too short"),
        ({"key": ed25519.Ed25519PrivateKey.generate()}, "neither RSA nor"),
        ({"begin": AT - timedelta(days=900)}, "valid from"),
        ({"usage": usage(key_encipherment=True)}, "not made for signing"),
    ],
    ids=["short key", "unknown key", "ended", "for encryption only"],
)
def test_a_supplied_certificate_that_cannot_sign_is_refused(plain, settings, tmp_path, fields, words):
    supply(settings, tmp_path, **fields)

    with pytest.raises(CertificateError, match=words):
        signed(plain)


def test_a_certificate_that_ends_soon_is_announced(settings, tmp_path):
    supply(settings, tmp_path, begin=timezone.now() - timedelta(days=1), days=20)

    (warning,) = check_pdf_certificate(None)

    assert warning.id == "documents.W001"


def test_a_wrong_password_or_path_is_said_by_the_system_check(settings, tmp_path):
    supply(settings, tmp_path)
    settings.PDF_CERTIFICATE_PASSWORD = "wrong"
    (wrong_password,) = check_pdf_certificate(None)
    settings.PDF_CERTIFICATE = str(tmp_path / "missing.p12")
    (missing,) = check_pdf_certificate(None)

    assert "PDF_CERTIFICATE_PASSWORD is wrong" in wrong_password.msg
    assert "cannot be read" in missing.msg
    settings.PDF_CERTIFICATE = ""
    assert check_pdf_certificate(None) == []

"""The certificate a clinic signs its documents with: supplied in PDF_CERTIFICATE, or made here once and kept.

The made one lies in the data folder with its private key, encrypted under a key derived from SIGNING_KEY. Every
certificate that ever signed is kept beside it without its key, so that older documents are still known as ours.
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import NameOID
from django.conf import settings

from synapse.common.durable_files import sync_folder
from synapse.common.errors import DomainError

FOLDER = "pdf-certificate"
MADE_FILE = "clinic.p12"
VALID_FOR = timedelta(days=3652)  # ten years
SMALLEST_RSA_BITS = 2048
# X.509 allows 64 characters in a common name.
LONGEST_NAME = 64
FALLBACK_NAME = "Clinic"

# What the certificate is not for.
OTHER_USES = (
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class CertificateError(DomainError):
    """The certificate cannot sign; the text says what to do and holds no secret."""

    code = "certificate"
    status = 503


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key and the certificates that lead to its root, as one PKCS #12 and its parts."""

    archive: bytes
    passphrase: bytes
    certificate: x509.Certificate
    is_supplied: bool


def signing_identity(*, clinic: str, at: datetime) -> Identity:
    """Return the clinic's certificate and key; make them when none is supplied and none is kept, or the kept one ended.

    `clinic` becomes the name in a new certificate. Raises CertificateError.
    """
    if settings.PDF_CERTIFICATE:
        identity = read_supplied()
    else:
        identity = _read_made() or _make(clinic, at=at)
        if identity.certificate.not_valid_after_utc <= at:
            (_folder() / MADE_FILE).unlink()
            identity = _make(clinic, at=at)
    check_usable(identity.certificate, at=at)
    _remember(identity.certificate)
    return identity


def is_made() -> bool:
    """Tell whether a certificate was made on this machine."""
    return (_folder() / MADE_FILE).is_file()


def known_certificates() -> list[x509.Certificate]:
    """Return every certificate that has signed documents of this clinic."""
    files = sorted(_folder().glob("*.pem")) if _folder().is_dir() else []
    return [x509.load_pem_x509_certificate(file.read_bytes()) for file in files]


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate as it is read out: `5C:1E:…`."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def check_usable(certificate: x509.Certificate, *, at: datetime) -> None:
    """Raise CertificateError unless a certificate may sign documents at this moment."""
    if not certificate.not_valid_before_utc <= at < certificate.not_valid_after_utc:
        raise CertificateError(
            f"The certificate for PDFs is valid from {certificate.not_valid_before_utc:%d.%m.%Y} to "
            f"{certificate.not_valid_after_utc:%d.%m.%Y} only. Set PDF_CERTIFICATE to one that is valid now."
        )
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not (usage.digital_signature or usage.content_commitment):
        raise CertificateError("The certificate for PDFs is not made for signing. Ask its issuer for one that is.")


def read_supplied() -> Identity:
    """Return what PDF_CERTIFICATE holds. Raises CertificateError."""
    try:
        archive = Path(settings.PDF_CERTIFICATE).read_bytes()
    except OSError as error:
        raise CertificateError(f"PDF_CERTIFICATE cannot be read ({type(error).__name__}). Check its path.") from None
    return _open(archive, settings.PDF_CERTIFICATE_PASSWORD.encode(), is_supplied=True)


def _open(archive: bytes, passphrase: bytes, *, is_supplied: bool) -> Identity:
    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(archive, passphrase or None)
    except ValueError:
        raise CertificateError(
            "PDF_CERTIFICATE does not open: it is no PKCS #12 file (.p12), or PDF_CERTIFICATE_PASSWORD is wrong."
        ) from None
    if key is None or certificate is None:
        raise CertificateError("PDF_CERTIFICATE lacks the private key or its certificate. Export both into one file.")
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < SMALLEST_RSA_BITS:
            raise CertificateError(f"The key of PDF_CERTIFICATE is too short: RSA needs {SMALLEST_RSA_BITS} bits.")
    elif not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError("The key of PDF_CERTIFICATE is neither RSA nor elliptic-curve: readers know only these.")
    return Identity(archive, passphrase, certificate, is_supplied)


def _read_made() -> Identity | None:
    """Return the certificate made earlier; one under a former SIGNING_KEY is written anew under the active one."""
    path = _folder() / MADE_FILE
    if not path.is_file():
        return None
    archive = path.read_bytes()
    for place, key in enumerate(settings.SIGNING_KEY):
        try:
            identity = _open(archive, _passphrase(key), is_supplied=False)
        except CertificateError:
            continue
        if place:
            identity = _pack(*_parts(identity))
            _replace(path, identity.archive)
        return identity
    raise CertificateError(
        f"The clinic's certificate ({FOLDER}/{MADE_FILE}) does not open with SIGNING_KEY. Put the former key back into "
        "the list, or move the file away to have a new certificate made."
    )


def _make(clinic: str, *, at: datetime) -> Identity:
    """Make a self-signed certificate and keep it; of two processes that do so at once, the first one's stays."""
    key = ec.generate_private_key(ec.SECP256R1())
    words = " ".join(clinic.split())[:LONGEST_NAME] or FALLBACK_NAME
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])
    begin = at - timedelta(days=1)  # clocks of readers differ
    usage = dict.fromkeys(OTHER_USES, False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, content_commitment=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    identity = _pack(key, certificate)
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _write_draft(folder, identity.archive)
    try:
        os.link(draft, folder / MADE_FILE)
    except FileExistsError:
        return _read_made() or identity
    finally:
        draft.unlink()
    sync_folder(folder)
    return identity


def _pack(key: PrivateKey, certificate: x509.Certificate) -> Identity:
    passphrase = _passphrase(settings.SIGNING_KEY[0])
    archive = pkcs12.serialize_key_and_certificates(
        b"clinic", key, certificate, None, BestAvailableEncryption(passphrase)
    )
    return Identity(archive, passphrase, certificate, is_supplied=False)


def _parts(identity: Identity) -> tuple[PrivateKey, x509.Certificate]:
    key, certificate, _ = pkcs12.load_key_and_certificates(identity.archive, identity.passphrase)
    if not isinstance(key, PrivateKey) or certificate is None:
        raise CertificateError("The clinic's certificate lacks its key.")
    return key, certificate


def _passphrase(key: str) -> bytes:
    """Return what encrypts the private key: derived from SIGNING_KEY, so that key itself protects nothing else."""
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"synapse pdf certificate").derive(key.encode())
    return derived.hex().encode()


def _remember(certificate: x509.Certificate) -> None:
    """Keep the public part, so that what it signed is known as ours when another one signs."""
    folder = _folder()
    path = folder / f"{certificate.fingerprint(hashes.SHA256()).hex()[:32]}.pem"
    if path.is_file():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(path, certificate.public_bytes(Encoding.PEM))


def _replace(path: Path, content: bytes) -> None:
    _write_draft(path.parent, content).replace(path)
    sync_folder(path.parent)


def _write_draft(folder: Path, content: bytes) -> Path:
    """Write a file for this user only, on the disk when this returns."""
    path = folder / f".{token_hex(8)}"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return path


def _folder() -> Path:
    return Path(settings.DATA_DIR) / FOLDER

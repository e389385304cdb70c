"""The clinic's electronic signature in a PDF (PAdES B-B, SHA-256), and reading one back."""

import logging
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from synapse.documents import certificates
from synapse.documents.certificates import CertificateError

FIELD = "ClinicSignature"
LARGEST_PDF = 5 * 1024 * 1024  # bytes; our own are far below

# Its warnings quote the file they complain about, and a file may be patient data.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Verdict:
    """What a PDF's signature says. `is_whole`: ours, and not one byte was changed or added since."""

    is_signed: bool
    is_whole: bool
    is_ours: bool
    reason: str = ""
    signed_at: datetime | None = None


NOT_SIGNED = Verdict(is_signed=False, is_whole=False, is_ours=False)


def sign_pdf(data: bytes, *, reason: str, at: datetime, clinic: str) -> bytes:
    """Return a PDF with the clinic's signature over all of it; its pages look as before, and none may be added.

    `reason`, `at` and `clinic` (as place) stand in the signature for everybody to read: put no patient's name into
    them. Raises CertificateError.
    """
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko.sign.signers.pdf_signer import PdfSigningSession

    class SignerAt(signers.PdfSigner):
        """Writes the time we name, not that of the machine."""

        def init_signing_session(self, *args: Any, **options: Any) -> PdfSigningSession:
            session = super().init_signing_session(*args, **options)
            session.system_time = at
            return session

    identity = certificates.signing_identity(clinic=clinic, at=at)
    signer = signers.SimpleSigner.load_pkcs12_data(identity.archive, other_certs=[], passphrase=identity.passphrase)
    if signer is None:
        raise CertificateError("The certificate for PDFs does not open. Check PDF_CERTIFICATE and its password.")
    meta = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=fields.SigSeedSubFilter.PADES,
        reason=reason,
        location=clinic,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
    )
    output = SignerAt(meta, signer=signer).sign_pdf(IncrementalPdfFileWriter(BytesIO(data)))
    signed: bytes = output.getvalue()
    return signed


def read_signature(data: bytes) -> Verdict:
    """Say whether a PDF carries this clinic's signature and every byte of it is as it was signed.

    Reads only; follows no address the file names. A file that cannot be read counts as not signed.
    """
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.general import SigningError
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    if len(data) > LARGEST_PDF or not data.startswith(b"%PDF-"):
        return NOT_SIGNED
    try:
        found = PdfFileReader(BytesIO(data)).embedded_signatures
        if len(found) != 1:
            return NOT_SIGNED
        signature = found[0]
        context = ValidationContext(trust_roots=[signature.signer_cert], allow_fetching=False)
        status = validate_pdf_signature(signature, signer_validation_context=context)
        is_ours = any(
            signature.signer_cert.dump() == known.public_bytes(Encoding.DER)
            for known in certificates.known_certificates()
        )
        covers_all = status.coverage == SignatureCoverageLevel.ENTIRE_FILE and _is_gap_exact(data, signature)
        return Verdict(
            is_signed=True,
            is_whole=is_ours and status.intact and status.valid and covers_all,
            is_ours=is_ours,
            reason=str(signature.sig_object.get("/Reason", "")),
            signed_at=signature.self_reported_timestamp,
        )
    except (PdfError, SigningError, SignatureValidationError, *_UNREADABLE):
        return NOT_SIGNED


def _is_gap_exact(data: bytes, signature: Any) -> bool:
    """Tell whether the one stretch no signature can cover, its own place, holds the signature and nothing else.

    Readers pass over other letters for the same digits and over what fills the place up; to us they are changed bytes.
    """
    from asn1crypto import cms  # type: ignore[import-untyped]  # ships no types

    start, head, tail, _ = (int(number) for number in signature.byte_range)
    stated = cms.ContentInfo.load(signature.pkcs7_content)["content"]
    signer = stated["signer_infos"][0]
    sha256 = {"algorithm": "sha256"}
    # Built anew with what we always write, since the signature does not cover its own head either.
    own = {
        "version": "v1",
        "sid": signer["sid"],
        "digest_algorithm": sha256,
        "signed_attrs": signer["signed_attrs"],
        "signature_algorithm": signer["signature_algorithm"],
        "signature": signer["signature"],
    }
    head_and_signer = {
        "version": "v1",
        "digest_algorithms": [sha256],
        "encap_content_info": {"content_type": "data"},
        "certificates": stated["certificates"],
        "signer_infos": [own],
    }
    rebuilt = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(head_and_signer)})
    written: bytes = rebuilt.dump(force=True).hex().upper().encode()
    return data[start + head : tail] == b"<" + written.ljust(tail - start - head - 2, b"0") + b">"


# What a file that only looks like a PDF makes its readers raise.
_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RecursionError,
    OSError,
    NotImplementedError,
    ArithmeticError,
)

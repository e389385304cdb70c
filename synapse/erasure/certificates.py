"""The certificate of an erasure: its facts, their seal, and the sheet that is printed of it."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.common import numbering
from synapse.documents.pdf import html_to_pdf
from synapse.documents.pdf_signature import sign_pdf
from synapse.documents.text import printable
from synapse.encryption import signing_keys
from synapse.encryption.signing_keys import Signature
from synapse.erasure.models import Erasure, ErasureCertificate

FORMAT = "v1"


def make(
    erasure: Erasure, records: list[Patient], counts: Mapping[str, int], *, by: User | None, at: datetime
) -> ErasureCertificate:
    """Write the certificate in the erasure's own transaction."""
    facts = {
        "format": FORMAT,
        "records": [{"id": str(record.pk), "number": record.patient_id} for record in records],
        "destroyed": {noun: count for noun, count in sorted(counts.items()) if count},
        "erased_at": at.isoformat(),
        "erased_by": by.get_username() if by else "console",
        "requested_by": erasure.requested_by.get_username() if erasure.requested_by else "console",
        "requested_at": erasure.requested_at.isoformat(),
        "asked_by": erasure.asked_by,
        "by_order": bool(erasure.order),
    }
    digest = digest_of(facts)
    return ErasureCertificate.objects.create(
        erasure=erasure,
        number=numbering.next_erasure_number(ClinicSettings.load().date_of(at)),
        facts=facts,
        content_hash=digest,
        signature=".".join(signing_keys.sign(_signed(digest), settings.SIGNING_KEY)),
    )


def is_whole(certificate: ErasureCertificate) -> bool:
    """Tell whether the facts are those that were sealed."""
    return is_sealed(certificate.facts, certificate.content_hash, certificate.signature)


def is_sealed(facts: Mapping[str, Any], content_hash: str, signature: str) -> bool:
    """Tell whether hash and signature are of these facts, under a key of the settings."""
    key_id, _, mac = signature.partition(".")
    digest = digest_of(facts)
    is_signed = signing_keys.is_signed(_signed(digest), Signature(key_id, mac), settings.SIGNING_KEY)
    return digest == content_hash and is_signed


def digest_of(facts: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) over the facts in one spelling."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def pdf(certificate: ErasureCertificate, *, at: datetime) -> bytes:
    """Return the certificate as a PDF signed by the clinic. Raises DocumentError and CertificateError."""
    clinic = ClinicSettings.load()
    facts = certificate.facts
    erased_at = datetime.fromisoformat(facts["erased_at"])
    context = {
        "title": f"Certificate of erasure {certificate.number}",
        "certificate": certificate,
        "facts": facts,
        "erased_at": erased_at.astimezone(clinic.zone),
        "requested_at": datetime.fromisoformat(facts["requested_at"]).astimezone(clinic.zone),
        "asked_by": Erasure.AskedBy(facts["asked_by"]).label,
        "header": {"clinic": clinic.name, "address": clinic.address},
        "is_whole": is_whole(certificate),
    }
    content = html_to_pdf(printable(render_to_string("documents/erasure.html", context)), title=context["title"])
    return sign_pdf(content, reason=f"Certificate {certificate.number}", at=at, clinic=clinic.name)


def _signed(digest: str) -> bytes:
    return f"synapse erasure {FORMAT} {digest}".encode()

"""System check: the certificate supplied for PDFs can sign."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.utils import timezone

from synapse.documents import certificates

WARN_BEFORE = timedelta(days=30)


@checks.register(checks.Tags.security)
def check_pdf_certificate(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report a PDF_CERTIFICATE that does not open, is too weak, not valid now, or ends soon."""
    if not settings.PDF_CERTIFICATE:
        return []
    now = timezone.now()
    try:
        identity = certificates.read_supplied()
        certificates.check_usable(identity.certificate, at=now)
    except certificates.CertificateError as error:
        return [checks.Error(str(error), id="documents.E001")]
    ends_at = identity.certificate.not_valid_after_utc
    if ends_at - now < WARN_BEFORE:
        return [
            checks.Warning(
                f"The certificate for PDFs ends on {ends_at:%d.%m.%Y}.",
                hint="Set PDF_CERTIFICATE to a new one; documents it signed before stay valid.",
                id="documents.W001",
            )
        ]
    return []

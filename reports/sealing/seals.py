"""What a printed report says about its seal: the code to check it with, as words and as a picture."""

import re
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from reports.models import Report
from reports.sealing import signing

QR_SCALE = 4  # pixels a module: sharp at the 22 mm it is printed at
_STATED = re.compile(r"Sealed report, code (?P<code>[0-9A-Z-]{19}), SHA-256 (?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True)
class PrintedSeal:
    """The code of a signed report and where it is checked."""

    code: str
    address: str

    @property
    def page(self) -> str:
        """The verify page to type, without the scheme."""
        return f"{settings.BASE_URL}{reverse('verify:start')}".partition("://")[2].rstrip("/")

    @property
    def picture(self) -> str:
        """The address as a QR code: a PNG as a data: address."""
        import segno

        picture: str = segno.make(self.address, error="m").png_data_uri(scale=QR_SCALE, border=1)
        return picture

    @property
    def sentence(self) -> str:
        return f"Verify code {self.code}, to be checked at {self.page}."


def seal_of(report: Report) -> PrintedSeal | None:
    """Return the seal of a signed report; None for a draft."""
    entry = signing.entry_of(report) if report.is_signed else None
    if entry is None:
        return None
    return PrintedSeal(entry.code, f"{settings.BASE_URL}{reverse('verify:code', args=[entry.code])}")


def reason_of(report: Report) -> str:
    """Return what the clinic's signature in the PDF states: code and hash, nothing of the patient."""
    entry = signing.entry_of(report)
    return f"Sealed report, code {entry.code if entry else ''}, SHA-256 {report.content_hash}"


def stated_seal(reason: str) -> tuple[str, str] | None:
    """Return code and hash as `reason_of` wrote them; None when it was not that which did."""
    found = _STATED.fullmatch(reason)
    return (found["code"], found["digest"]) if found else None

"""PDF: the print template through the closed HTML renderer; a draft is stamped, a signed report signed by the clinic."""

from django.template.loader import render_to_string

from reports.printing.printed import PrintedReport
from reports.sealing import seals
from reports.summaries.printed import PrintedSummary
from synapse.accounts.models import ClinicSettings
from synapse.documents.pdf import html_to_pdf, stamp
from synapse.documents.pdf_signature import sign_pdf
from synapse.documents.text import printable

NOT_CHECKED = "Not checked yet"


def pdf(printed: PrintedReport) -> bytes:
    """Return a report as a PDF; a signed one carries the clinic's signature. Raises DocumentError, CertificateError."""
    html = render_to_string("documents/report.html", {"printed": printed, "language": "en"})
    content = html_to_pdf(printable(html), title=printed.title)
    if printed.draft_words:
        return stamp(content, printed.draft_words)
    clinic = ClinicSettings.load().name
    return sign_pdf(content, reason=seals.reason_of(printed.report), at=printed.printed_at, clinic=clinic)


def summary_pdf(printed: PrintedSummary) -> bytes:
    """Return the patient's summary as a PDF. Raises DocumentError."""
    html = render_to_string("documents/summary.html", {"printed": printed, "language": "en"})
    content = html_to_pdf(printable(html), title=printed.title)
    return content if printed.is_ticked else stamp(content, NOT_CHECKED)

"""A report as a file: PDF, Word, plain text, Markdown, JSON, FHIR. File names hold no patient's name."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reports.models import PatientSummary, Report, ReportShare
from reports.printing.printed import PrintedReport, printed_report
from reports.summaries.printed import printed_summary
from reports.writers.data import as_json
from reports.writers.fhir import fhir_document
from reports.writers.pdf import pdf, summary_pdf
from reports.writers.plain import markdown, plain_text
from reports.writers.word import word_document
from synapse.common.errors import DomainError


class UnknownFormat(DomainError):
    """A report is not exported in this format."""

    code = "unknown_format"
    field = "format"


@dataclass(frozen=True)
class Document:
    """A finished file."""

    content: bytes
    content_type: str
    file_name: str


def render(report: Report, *, file_type: str, at: datetime, is_shared: bool = False) -> Document:
    """Return a report as a file, with `is_shared` for somebody outside; `at` is printed on drafts.

    Raises UnknownFormat and DocumentError.
    """
    if file_type not in _WRITERS:
        raise UnknownFormat(f"Reports are exported as {', '.join(sorted(_WRITERS))}.")
    write, content_type = _WRITERS[file_type]
    ending = _ENDINGS.get(file_type, file_type)
    name = f"report-{report.pk.hex[:8]}-v{report.version}{'' if report.is_signed else '-draft'}.{ending}"
    return Document(write(printed_report(report, at, is_shared=is_shared)), content_type, name)


def render_summary(summary: PatientSummary) -> Document:
    """Return the patient's summary as a PDF. Raises DocumentError."""
    report = summary.report
    name = f"summary-{report.pk.hex[:8]}-v{report.version}{'' if summary.ticked_at else '-draft'}.pdf"
    return Document(summary_pdf(printed_summary(summary)), "application/pdf", name)


def render_shared(share: ReportShare, *, at: datetime) -> Document:
    """Return what a link stands for as a PDF. Raises DocumentError."""
    if share.document == ReportShare.Document.SUMMARY:
        return render_summary(share.report.patient_summary)
    return render(share.report, file_type="pdf", at=at, is_shared=True)


Writer = Callable[[PrintedReport], bytes]
_WRITERS: dict[str, tuple[Writer, str]] = {
    "pdf": (pdf, "application/pdf"),
    "docx": (word_document, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "txt": (plain_text, "text/plain; charset=utf-8"),
    "md": (markdown, "text/markdown; charset=utf-8"),
    "json": (as_json, "application/json"),
    "fhir": (fhir_document, "application/fhir+json"),
}
FORMATS = tuple(_WRITERS)
MEDIA_TYPES = tuple(media_type for _, media_type in _WRITERS.values())
_ENDINGS = {"fhir": "fhir.json"}

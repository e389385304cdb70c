"""A report as a file: PDF, Word, plain text, Markdown, JSON. File names hold no patient's name."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string

from reports import rendering, representation
from reports.models import Report
from reports.rendering import Block, Paragraph
from synapse.common.errors import DomainError
from synapse.documents import docx
from synapse.documents.pdf import html_to_pdf, stamp
from synapse.documents.text import printable

DRAFT_WORDS = "Draft, not signed"


class UnknownFormat(DomainError):
    """A report is not exported in this format."""

    code = "unknown_format"


@dataclass(frozen=True)
class Document:
    """A finished file."""

    content: bytes
    content_type: str
    file_name: str


def render(report: Report, *, file_type: str, at: datetime) -> Document:
    """Return a report as a file. `at` is printed on drafts. Raises UnknownFormat and DocumentError."""
    if file_type not in _WRITERS:
        raise UnknownFormat(f"Reports are exported as {', '.join(sorted(_WRITERS))}.")
    write, content_type = _WRITERS[file_type]
    name = f"report-{report.pk.hex[:8]}-v{report.version}{'' if report.is_signed else '-draft'}.{file_type}"
    return Document(write(report, at), content_type, name)


def document_context(report: Report, at: datetime) -> dict[str, Any]:
    """Return what a printed report shows, apart from its format."""
    session, patient = report.session, report.session.patient
    sources = rendering.number_sources(report.structured_data)
    signer = rendering.header_of(report.signed_by) if report.signed_by else None
    return {
        "report": report,
        "language": "en",
        "patient": patient,
        "header": rendering.header_of(session.doctor),
        "born": rendering.long_date(patient.date_of_birth),
        "seen": rendering.seen(session),
        "blocks": rendering.blocks_of(report.structured_data, sources.numbers),
        "times": sources.times,
        "gaps": rendering.gap_notes(report),
        "provenance": rendering.provenance(report),
        "signer": signer,
        "signed": rendering.moment(report.signed_at) if report.signed_at else "",
        "printed": rendering.moment(at),
    }


def _pdf(report: Report, at: datetime) -> bytes:
    html = printable(render_to_string("documents/report.html", document_context(report, at)))
    content = html_to_pdf(html, title=report.title)
    return content if report.is_signed else stamp(content, DRAFT_WORDS)


def _docx(report: Report, at: datetime) -> bytes:
    context = document_context(report, at)
    document = docx.new_document(title=report.title)
    if not report.is_signed:
        docx.add_text(
            document.sections[0].header.paragraphs[0],
            f"{DRAFT_WORDS.upper()} · printed {context['printed']}",
            bold=True,
        )
    _write_head(document, context)
    for block in context["blocks"]:
        _write_block(document, block)
    _write_end(document, context)
    footer = document.sections[0].footer.paragraphs[0]
    docx.add_text(
        footer,
        f"{context['patient'].patient_id} · {report.session.session_id} v{report.version} · confidential · ",
        small=True,
    )
    docx.add_page_number(footer)
    return docx.to_bytes(document)


def _write_head(document: Any, context: dict[str, Any]) -> None:
    header, report, patient = context["header"], context["report"], context["patient"]
    if header.logo:
        from base64 import b64decode
        from io import BytesIO

        from docx.shared import Mm

        document.add_picture(BytesIO(b64decode(header.logo.partition(",")[2])), height=Mm(14))
    lines = document.add_paragraph()
    docx.add_text(lines, header.clinic, bold=True)
    contact = [part for part in (header.address.replace("\n", ", "), header.contact) if part]
    practitioner = [header.practitioner, header.specialization]
    practitioner += [f"Reg. {header.license_number}"] if header.license_number else []
    for parts in (contact, practitioner):
        if any(parts):
            docx.add_text(lines, "\n" + ", ".join(part for part in parts if part))
    docx.add_heading(document, report.title, level=1)
    facts = document.add_table(rows=0, cols=2)
    for label, value in (
        ("Patient", patient.full_name),
        ("Born", context["born"]),
        ("Number", patient.patient_id),
        ("Seen", context["seen"]),
        ("Session", report.session.session_id),
        ("Report", f"{report.get_report_type_display()}, version {report.version}"),
        ("Allergy", ", ".join(patient.allergy_list)),
    ):
        if value:
            cells = facts.add_row().cells
            docx.add_text(cells[0].paragraphs[0], label, small=True)
            docx.add_text(cells[1].paragraphs[0], value, bold=label in {"Patient", "Allergy"})
    if report.amends:
        docx.add_text(
            document.add_paragraph(), f"Amends version {report.amends.version}: {report.amend_reason}", bold=True
        )


def _write_block(document: Any, block: Block) -> None:
    if block.is_not_discussed and block.level > 1:
        docx.add_text(document.add_paragraph(), f"{block.title}: not discussed.")
        return
    docx.add_heading(document, block.title, level=block.level + 1)
    if block.is_not_discussed:
        docx.add_text(document.add_paragraph(), f"{rendering.NOT_DISCUSSED}.")
    for paragraph in block.paragraphs:
        _write_paragraph(document, paragraph)


def _write_paragraph(document: Any, paragraph: Paragraph) -> None:
    written = document.add_paragraph(style="List Bullet" if paragraph.is_list_item else None)
    for text, numbers in paragraph.sentences:
        docx.add_text(written, f"{text} ", bold=paragraph.is_heading)
        if numbers:
            docx.add_text(written, f"{','.join(map(str, numbers))} ", raised=True)


def _write_end(document: Any, context: dict[str, Any]) -> None:
    report, signer = context["report"], context["signer"]
    signature = document.add_paragraph()
    if signer is None:
        docx.add_text(signature, f"{DRAFT_WORDS}.", bold=True)
    else:
        docx.add_text(signature, signer.practitioner, bold=True)
        known = [signer.specialization, f"Reg. {signer.license_number}" if signer.license_number else ""]
        docx.add_text(signature, "".join(f", {part}" for part in known if part))
        docx.add_text(signature, f"\nSigned {context['signed']} with password. Version {report.version}.")
        docx.add_text(signature, f"\nSHA-256 {report.content_hash}", small=True)
    notes = []
    if context["times"]:
        notes.append(
            "Sources, time in the recording: " + " · ".join(f"{n} {time}" for n, time in context["times"]) + "."
        )
    if context["gaps"]:
        notes.append(f"The recording has gaps: {', '.join(context['gaps'])}. Nothing said there is in this report.")
    for note in (*notes, context["provenance"]):
        docx.add_text(document.add_paragraph(), note, small=True)


def _text(report: Report, at: datetime) -> bytes:
    return "\n".join([*_identity_lines(report, at), "", report.generated_content, *_end_lines(report)]).encode()


def _markdown(report: Report, at: datetime) -> bytes:
    lines = [f"# {report.title}", "", *(f"{line}  " for line in _identity_lines(report, at)), ""]
    for block in rendering.blocks_of(report.structured_data):
        lines += [f"{'#' * (block.level + 1)} {block.title}", ""]
        if block.is_not_discussed:
            lines += [f"*{rendering.NOT_DISCUSSED}.*", ""]
        for paragraph in block.paragraphs:
            text = " ".join(sentence for sentence, _ in paragraph.sentences)
            lines += [f"- {text}" if paragraph.is_list_item else f"**{text}**" if paragraph.is_heading else text, ""]
    return "\n".join([*lines, *_end_lines(report), ""]).encode()


def _identity_lines(report: Report, at: datetime) -> list[str]:
    patient = report.session.patient
    lines = [] if report.is_signed else [f"{DRAFT_WORDS.upper()}. Printed {rendering.moment(at)}."]
    return [
        *lines,
        f"{patient.full_name}, born {rendering.long_date(patient.date_of_birth)}, {patient.patient_id}",
        f"Seen {rendering.seen(report.session)}, {report.session.session_id}, version {report.version}",
    ]


def _end_lines(report: Report) -> list[str]:
    lines = []
    if report.signed_by and report.signed_at:
        header = rendering.header_of(report.signed_by, with_logo=False)
        registration = f", Reg. {header.license_number}" if header.license_number else ""
        lines += [f"Signed by {header.practitioner}{registration}, {rendering.moment(report.signed_at)}"]
        lines += [f"SHA-256 {report.content_hash}"]
    if gaps := rendering.gap_notes(report):
        lines.append(f"The recording has gaps: {', '.join(gaps)}.")
    return [*lines, rendering.provenance(report)]


def _json(report: Report, at: datetime) -> bytes:
    return json.dumps(representation.as_json(report), indent=2, ensure_ascii=False).encode()


Writer = Callable[[Report, datetime], bytes]
_WRITERS: dict[str, tuple[Writer, str]] = {
    "pdf": (_pdf, "application/pdf"),
    "docx": (_docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "txt": (_text, "text/plain; charset=utf-8"),
    "md": (_markdown, "text/markdown; charset=utf-8"),
    "json": (_json, "application/json"),
}

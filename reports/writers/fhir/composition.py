"""A report as a Composition: what the printed report says, in the same order.

Each section carries its text as narrative; the numbers behind sentences are the places of the recording.
"""

from collections.abc import Iterator
from datetime import datetime

from reports.models import Report
from reports.printing.loading import given_co_signatures
from reports.printing.printed import NOT_DISCUSSED, Block, Paragraph, PrintedReport, Table, Words
from reports.queries import topics_by_section
from reports.writers.fhir.values import (
    CONFIDENTIALITY,
    LOINC,
    URI,
    Refer,
    Resource,
    coded,
    instant,
    narrative,
    organization_id,
    urn,
    xml,
)

EMPTY_REASON = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
# Only codes that mean what the type or the topic means; the others go without.
DOCUMENT_CODES = {
    Report.Type.CONSULTATION: ("11488-4", "Consult note"),
    Report.Type.FOLLOWUP: ("11506-3", "Progress note"),
    Report.Type.DIAGNOSTIC: ("51848-0", "Evaluation note"),
    Report.Type.TREATMENT_PLAN: ("18776-5", "Plan of care note"),
    Report.Type.DISCHARGE: ("18842-5", "Discharge summary"),
    Report.Type.REFERRAL: ("57133-1", "Referral note"),
}
SECTION_CODES = {
    "chief_complaint": ("10154-3", "Chief complaint Narrative - Reported"),
    "history": ("10164-2", "History of Present illness Narrative"),
    "review_of_systems": ("10187-3", "Review of systems Narrative - Reported"),
    "past_history": ("11348-0", "History of Past illness Narrative"),
    "family_history": ("10157-6", "History of family member diseases Narrative"),
    "social": ("29762-2", "Social history Narrative"),
    "medications": ("10160-0", "History of Medication use Narrative"),
    "allergies": ("48765-2", "Allergies and adverse reactions Document"),
    "vitals": ("8716-3", "Vital signs"),
    "exam": ("29545-1", "Physical findings Narrative"),
    "mental_status": ("10190-7", "Mental status Narrative"),
    "results": ("30954-2", "Relevant diagnostic tests/laboratory data Narrative"),
    "assessment": ("51848-0", "Evaluation note"),
    "plan": ("18776-5", "Plan of care note"),
    "goals": ("61146-7", "Goals Narrative"),
    "interventions": ("62387-6", "Interventions Narrative"),
}


def composition(printed: PrintedReport, *, subject: Resource, refer: Refer) -> Resource:
    """Return a report as a Composition about `subject`; a draft says that it is one."""
    report = printed.report
    topics = topics_by_section(report)
    return {
        "resourceType": "Composition",
        "identifier": identifier_of(report),
        "status": status_of(report),
        "type": type_of(report),
        "subject": subject,
        "encounter": refer("Encounter", report.session_id),
        "date": instant(written_at(report)),
        "author": [refer("Practitioner", report.session.doctor_id)],
        "title": printed.title,
        "confidentiality": CONFIDENTIALITY,
        "attester": list(_attesters(report, refer)),
        "custodian": refer("Organization", organization_id()),
        "relatesTo": list(_relations(report)),
        "text": narrative(_head(printed)),
        "section": [*_sections(printed.blocks, topics), _closing_section(printed)],
    }


def identifier_of(report: Report) -> Resource:
    return {"system": URI, "value": urn(report.pk)}


def status_of(report: Report) -> str:
    if not report.is_signed:
        return "preliminary"
    return "amended" if report.amends_id else "final"


def type_of(report: Report) -> Resource:
    code, display = DOCUMENT_CODES[Report.Type(report.report_type)]
    return coded(LOINC, code, display, report.title)


def written_at(report: Report) -> datetime:
    return report.signed_at or report.updated_at


def _attesters(report: Report, refer: Refer) -> Iterator[Resource]:
    if report.signed_by_id and report.signed_at:
        party = refer("Practitioner", report.signed_by_id)
        yield {"mode": "legal", "time": instant(report.signed_at), "party": party}
    for signed in given_co_signatures(report):
        time = instant(signed.decided_at) if signed.decided_at else None
        yield {"mode": "professional", "time": time, "party": refer("Practitioner", signed.supervisor_id)}


def _relations(report: Report) -> Iterator[Resource]:
    for code, other in (("replaces", report.amends_id), ("transforms", report.converted_from_id)):
        if other:
            yield {"code": code, "targetIdentifier": {"system": URI, "value": urn(other)}}


def _sections(blocks: list[Block], topics: dict[str, tuple[str, ...]]) -> list[Resource]:
    """Nest blocks of level 2 into the one of level 1 before them."""
    sections: list[Resource] = []
    for block in blocks:
        section = _section(block, topics)
        if block.is_top or not sections:
            sections.append(section)
        else:
            sections[-1].setdefault("section", []).append(section)
    return sections


def _section(block: Block, topics: dict[str, tuple[str, ...]]) -> Resource:
    codes = [SECTION_CODES[topic] for topic in topics.get(block.section_id, ()) if topic in SECTION_CODES]
    section: Resource = {"title": block.title}
    if len(codes) == 1:
        code, display = codes[0]
        section["code"] = {"coding": [{"system": LOINC, "code": code, "display": display}]}
    if block.is_not_discussed:
        section["text"] = narrative(f"<p>{NOT_DISCUSSED}.</p>")
        section["emptyReason"] = {
            "coding": [{"system": EMPTY_REASON, "code": "notasked", "display": "Not Asked"}],
            "text": NOT_DISCUSSED,
        }
    elif block.paragraphs or block.table:
        body = "".join(_paragraph(paragraph) for paragraph in block.paragraphs)
        section["text"] = narrative(body + (_table(block.table) if block.table else ""))
    return section


def _closing_section(printed: PrintedReport) -> Resource:
    """Return signatures, sources and how the text came to be: the end of the printed page."""
    lines = [line for signature in printed.signatures for line in (signature.name, *signature.lines)]
    hashes = [f"SHA-256 {signature.content_hash}" for signature in printed.signatures if signature.content_hash]
    lines += [*hashes, *printed.written_notes]
    return {"title": "Signatures and sources", "text": narrative("".join(f"<p>{xml(line)}</p>" for line in lines))}


def _head(printed: PrintedReport) -> str:
    facts = "".join(f"<p><b>{xml(fact.label)}</b> {xml(fact.value)}</p>" for fact in printed.facts)
    notices = "".join(f"<p><b>{xml(notice.label)}</b> {xml(notice.text)}</p>" for notice in printed.notices)
    draft = f"<p><b>{xml(printed.draft_words)}</b></p>" if printed.draft_words else ""
    return f"{draft}{facts}{notices}"


def _paragraph(paragraph: Paragraph) -> str:
    body = " ".join(_words(words) for words in paragraph.sentences)
    if paragraph.is_list_item:
        return f"<ul><li>{body}</li></ul>"
    return f"<p><b>{body}</b></p>" if paragraph.is_heading else f"<p>{body}</p>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{xml(column)}</th>" for column in table.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{_words(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _words(words: Words) -> str:
    numbers = f" <sup>{','.join(map(str, words.sources))}</sup>" if words.sources else ""
    return f"{xml(words.text)}{numbers}"

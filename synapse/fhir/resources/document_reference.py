"""A signed report as a DocumentReference: where its documents are, and whether a newer one stands in their place."""

from datetime import datetime

from reports.models import Report
from reports.writers.fhir.composition import identifier_of, status_of, type_of, written_at
from reports.writers.fhir.values import (
    CONFIDENTIALITY,
    CONFIDENTIALITY_SYSTEM,
    Resource,
    coded,
    instant,
    organization_id,
    system,
)
from synapse.fhir.resources.meta import base_url, finished, refer


def document_reference_resource(
    report: Report, *, is_superseded: bool, amended_is_shown: bool, with_pdf: bool, updated_at: datetime
) -> Resource:
    """Return where a signed report is read: as a Composition, and with `with_pdf` as a PDF.

    The PDF is made and signed anew when it is fetched, so neither its size nor its hash is known beforehand; the
    hash of the report's sealed content is an identifier. Raises ValueError for a draft.
    """
    if not report.is_signed:
        raise ValueError("Only signed reports are handed out.")
    session = report.session
    amended = refer("DocumentReference", report.amends_id) if report.amends_id and amended_is_shown else None
    places = [("application/fhir+json", f"{base_url()}/Composition/{report.pk}")]
    if with_pdf:
        places.insert(0, ("application/pdf", f"{base_url()}/Binary/{report.pk}"))
    resource = {
        "resourceType": "DocumentReference",
        "masterIdentifier": identifier_of(report),
        "identifier": [{"system": system("report-content-sha256"), "value": report.content_hash}],
        "status": "superseded" if is_superseded else "current",
        "docStatus": status_of(report),
        "type": type_of(report),
        "subject": refer("Patient", session.patient.kept_id),
        "date": instant(written_at(report)),
        "author": [refer("Practitioner", session.doctor_id)],
        "authenticator": refer("Practitioner", report.signed_by_id) if report.signed_by_id else None,
        "custodian": refer("Organization", organization_id()),
        "relatesTo": [{"code": "replaces", "target": amended}] if amended else [],
        "securityLabel": [coded(CONFIDENTIALITY_SYSTEM, CONFIDENTIALITY, "restricted")],
        "content": [
            {
                "attachment": {
                    "contentType": content_type,
                    "url": url,
                    "title": report.title,
                    "creation": instant(written_at(report)),
                }
            }
            for content_type, url in places
        ],
        "context": {
            "encounter": [refer("Encounter", session.pk)],
            "period": {
                "start": instant(session.started_at),
                "end": instant(session.ended_at) if session.ended_at else None,
            },
        },
    }
    return finished(resource, report.pk, updated_at=updated_at, is_clinical=True)

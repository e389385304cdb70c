"""A signed report as a Composition; the words are those of the report's own export."""

from datetime import datetime

from reports.models import Report
from reports.printing.printed import printed_report
from reports.writers.fhir.composition import composition
from reports.writers.fhir.values import Resource
from synapse.fhir.resources.meta import finished, refer


def composition_resource(report: Report, *, updated_at: datetime) -> Resource:
    """Return a signed report; a draft is no document yet and is refused by ValueError."""
    if not report.is_signed or report.signed_at is None:
        raise ValueError("Only signed reports are handed out.")
    subject = refer("Patient", report.session.patient.kept_id)
    resource = composition(printed_report(report, report.signed_at, with_logo=False), subject=subject, refer=refer)
    return finished(resource, report.pk, updated_at=updated_at, is_clinical=True)

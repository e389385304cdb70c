"""Taking a report out of the system: rendered, then recorded, then handed over."""

from datetime import datetime

from reports import permissions
from reports.models import PatientSummary, Report, ReportShare
from reports.printing import exports
from reports.printing.exports import Document
from reports.services.sealing import require_whole
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work


def export_report(report: Report, *, file_type: str, by: User, at: datetime) -> Document:
    """Return a report as a file: `pdf`, `docx`, `txt`, `md`, `json` or `fhir`. A draft says on every page that it is one.

    Raises NotAllowed, Conflict, SealBroken and UnknownFormat.
    """
    permissions.check_can_export(by, report)
    require_whole(report, by=by)
    document = exports.render(report, file_type=file_type, at=at)
    with unit_of_work():
        stored = Report.objects.select_for_update().only("exported_formats").get(pk=report.pk)
        if file_type not in stored.exported_formats:
            formats = sorted({*stored.exported_formats, file_type})
            Report.objects.filter(pk=report.pk).update(exported_formats=formats, updated_at=at)
            report.exported_formats = formats
        detail = {"format": file_type, "version": report.version, "signed": report.is_signed}
        record(Action.EXPORT, by=by, target=report, patient_id=report.session.patient_id, detail=detail)
    return document


def export_summary(summary: PatientSummary, *, by: User, at: datetime) -> Document:
    """Return the patient's summary as a PDF; one that is not ticked says so.

    Raises NotAllowed, Conflict and SealBroken.
    """
    permissions.check_can_share(by, summary.report)
    require_whole(summary.report, by=by)
    document = exports.render_summary(summary)
    detail = {"format": "pdf", "document": "summary", "ticked": summary.ticked_at is not None}
    with unit_of_work():
        report = summary.report
        record(Action.EXPORT, by=by, target=report, patient_id=report.session.patient_id, detail=detail)
    return document


def hand_over(share: ReportShare, *, by: User, at: datetime) -> Document:
    """Return what was shared with a patient as a PDF, for reception to print.

    Raises NotAllowed, Conflict and SealBroken.
    """
    permissions.check_can_hand_over(by, share)
    require_whole(share.report, by=by)
    document = exports.render_shared(share, at=at)
    with unit_of_work():
        detail = {"verb": "hand_over", "share": str(share.pk), "document": share.document}
        record(Action.PRINT, by=by, target=share.report, patient_id=share.report.session.patient_id, detail=detail)
    return document

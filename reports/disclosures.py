"""What left as links to reports, for the account of a patient."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from reports.models import ReportShare
from synapse.audit.disclosures import Disclosure

AGREED = "The patient agreed to sharing"
OWN = "The patient’s own copy"


def shared_links(patient_ids: set[UUID], since: datetime) -> Iterable[Disclosure]:
    """Yield the links that were made, with when each was opened; one never opened disclosed nothing but was offered."""
    shares = (
        ReportShare.objects.filter(report__session__patient__in=patient_ids)
        .filter(Q(created_at__gte=since) | Q(openings__opened_at__gte=since))
        .select_related("shared_by")
        .prefetch_related("openings")
        .distinct()
    )
    for share in shares:
        is_own = share.audience == ReportShare.Audience.PATIENT
        yield Disclosure(
            at=share.created_at,
            recipient="The patient" if is_own else share.email,
            address=share.email if is_own else "",
            what="Summary of a report" if share.document == ReportShare.Document.SUMMARY else "Signed report",
            purpose=OWN if is_own else share.reason or AGREED,
            by=share.shared_by.display_name,
            opened=tuple(sorted(opening.opened_at for opening in share.openings.all())),
            is_to_patient=is_own,
        )

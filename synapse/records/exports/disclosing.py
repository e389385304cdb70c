"""The whole record as the account of disclosures tells of it: fetched by the patient's link."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from synapse.audit.disclosures import Disclosure
from synapse.audit.models import Action, AuditEvent, Outcome
from synapse.records.exports.models import ExportLink

FETCHED = "fetch_record_file"


def fetched(patient_ids: set[UUID], since: datetime) -> Iterable[Disclosure]:
    """Yield each time a record was fetched by a link; a representative is named."""
    events = AuditEvent.objects.filter(
        action=Action.SHARE, patient_id__in=patient_ids, at__gte=since, outcome=Outcome.ALLOWED, detail__verb=FETCHED
    )
    links = ExportLink.objects.filter(export__request__patient__in=patient_ids)
    by_id = {str(link.pk): link for link in links.select_related("export__request", "created_by")}
    for event in events.order_by("-seq"):
        link = by_id.get(event.detail.get("link", ""))
        asked = link.export.request if link else None
        is_theirs = asked is None or not asked.representative
        yield Disclosure(
            at=event.at,
            recipient="The patient, by link" if is_theirs or asked is None else asked.representative,
            what=f"The whole record {event.target_label}",
            purpose="Right of access",
            by=link.created_by.display_name if link else "",
            is_to_patient=is_theirs,
        )

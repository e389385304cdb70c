"""Look at the audit rows written since the last time, every few minutes; running twice finds nothing twice."""

import logging
from datetime import datetime, timedelta

from django.db.models import Max

from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.models import AuditEvent
from synapse.audit.services import unit_of_work
from synapse.notifications.services import NotDelivered, deliver
from synapse.oversight.alert_rules import Batch, Finding, find
from synapse.oversight.models import AccessAlert, AlertSettings

logger = logging.getLogger(__name__)

MOST_ROWS = 5_000
MOST_EVENTS = 500  # kept of one finding
# An installation that looks for the first time does not judge years it was not asked about.
FIRST_LOOK = timedelta(days=1)


def look(at: datetime) -> int:
    """Look at the new rows and tell administrators of new findings; return how many there are."""
    found = 0
    while True:
        seen, new = _look_once(at)
        found += new
        if seen < MOST_ROWS:
            break
    if found:
        _tell(found)
    return found


def _look_once(at: datetime) -> tuple[int, int]:
    """Look at one batch; return how many rows it had and how many findings are new."""
    rules = AlertSettings.load()
    last = rules.swept_seq or _start(at)
    events = list(AuditEvent.objects.filter(seq__gt=last).order_by("seq")[:MOST_ROWS])
    if not events:
        return 0, 0
    findings = find(Batch(events, rules, ClinicSettings.load().zone))
    with unit_of_work():
        # Only one of two sweeps that looked at the same rows writes.
        if not AlertSettings.objects.filter(pk=1, swept_seq=rules.swept_seq).update(swept_seq=events[-1].seq):
            return 0, 0
        return len(events), sum(_keep(finding) for finding in findings)


def _start(at: datetime) -> int:
    before = AuditEvent.objects.filter(at__lt=at - FIRST_LOOK).aggregate(last=Max("seq"))
    return before["last"] or 0


def _keep(finding: Finding) -> bool:
    """Write a finding down, or let the one that is there grow; return whether it is new."""
    actor_id, actor_label = finding.actor
    seqs = [event.seq for event in finding.events]
    alert, is_new = AccessAlert.objects.select_for_update().get_or_create(
        key=finding.key,
        defaults={
            "rule": finding.rule,
            "actor_id": actor_id,
            "actor_label": actor_label,
            "address": finding.address,
            "patient_id": finding.patient_id,
            "started_at": finding.events[0].at,
            "ended_at": finding.events[-1].at,
            "number": finding.number,
            "events": seqs[:MOST_EVENTS],
        },
    )
    if not is_new and alert.is_waiting:
        alert.events = sorted({*alert.events, *seqs})[:MOST_EVENTS]
        alert.number = max(finding.number, len(alert.events) if finding.patient_id else finding.number)
        alert.ended_at = max(alert.ended_at, finding.events[-1].at)
        alert.save(update_fields=["events", "number", "ended_at", "updated_at"])
    return is_new


def _tell(number: int) -> None:
    """Mail whoever reads the audit log, without a word about whom it is."""
    for person in User.objects.filter(is_active=True).exclude(email=""):
        if person.may(Permission.VIEW_AUDIT):
            try:
                deliver("access_alerts", person.email, {"number": number, "name": person.first_name})
            except NotDelivered:
                logger.warning("the mail about %s findings was not delivered; they stand on the worklist", number)

"""Who looked at a record and who got something of it, as the patient may read it: not a word about another patient."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from synapse.audit.disclosures import collect
from synapse.audit.models import AuditEvent
from synapse.audit.queries import about_patients
from synapse.records.exports.values import to_plain

COLUMNS = ("When", "Who", "What", "Allowed", "Part")
LIST = "a list that showed you"
DISCLOSED = ("When", "Who got it", "What", "Why", "Given by")
ACCOUNT_REACHES = timedelta(days=6 * 366)  # 45 CFR 164.528(a): six years


def rows(record_ids: Sequence[UUID]) -> Iterator[Sequence[object]]:
    """Return what the trail has about these records, the oldest first.

    Of a list only that it was seen: its own label and details may be about everybody on it.
    """
    found = AuditEvent.objects.filter(about_patients(record_ids)).order_by("seq")
    columns = found.values_list("at", "actor_label", "action", "outcome", "patient_id", "target_type")
    words = dict(AuditEvent._meta.get_field("action").flatchoices)
    for at, who, action, outcome, patient_id, target_type in columns.iterator(chunk_size=500):
        part = target_type.rpartition(".")[2] if patient_id in record_ids else LIST
        yield to_plain(at), who, str(words.get(action, action)), outcome, part


def disclosed(record_ids: Sequence[UUID], *, at: datetime) -> Iterator[Sequence[object]]:
    """Return what left about these records, the newest first."""
    for one in collect(set(record_ids), since=at - ACCOUNT_REACHES):
        yield to_plain(one.at), one.recipient, one.what, one.purpose, one.by

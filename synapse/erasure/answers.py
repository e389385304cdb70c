"""Answers kept for programs that ask twice: those that tell of somebody who is erased lose their words."""

import re
from datetime import datetime
from uuid import UUID

from synapse.api.models import IdempotencyKey
from synapse.encryption import erasing

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def forget_answers(patient_id: UUID, at: datetime) -> dict[str, int]:
    """Blank the stored answers that name the patient or any of their rows; the key itself stays used up."""
    ids = {
        str(key)
        for rows in erasing.covered().values()
        for key in rows.of(patient_id).values_list("pk", flat=True)
        if isinstance(key, UUID)
    }
    told = [
        row.pk
        for row in IdempotencyKey.objects.exclude(status_code=None).iterator()
        if ids & set(_ID.findall(row.body))
    ]
    blanked = IdempotencyKey.objects.filter(pk__in=told).update(body="", updated_at=at)
    return {"kept answers": blanked} if blanked else {}

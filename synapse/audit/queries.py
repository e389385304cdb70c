"""What the trail says about a patient."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from synapse.audit.models import AuditEvent, AuditSubject


def about_patients(patient_ids: Iterable[UUID]) -> Q:
    """Return the condition of the events about these patients: what was done to them, and lists that showed them.

    One list of numbers from two indexes: an OR over both would read the whole trail.
    """
    ids = list(patient_ids)
    done = AuditEvent.objects.filter(patient_id__in=ids).order_by().values("seq")
    shown = AuditSubject.objects.filter(patient_id__in=ids).order_by().values("event_seq")
    return Q(seq__in=done.union(shown, all=True))

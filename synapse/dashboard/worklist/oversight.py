"""What stands out in the audit log, incidents whose clock runs, and agreements that end."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.urls import reverse

from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Item, Reader, Source
from synapse.dashboard.worklist.words import joined, when
from synapse.oversight import alerts
from synapse.oversight.models import AccessAlert, Associate, Incident
from synapse.oversight.models.associates import WARN_BEFORE
from synapse.oversight.models.incidents import NOTICE_DAYS


def _alerts(reader: Reader) -> QuerySet[AccessAlert]:
    return AccessAlert.objects.visible_to(reader.user).filter(status=AccessAlert.Status.OPEN).order_by("-ended_at")


def _describe_alerts(rows: Sequence[AccessAlert], reader: Reader) -> Iterable[Item]:
    for shown in alerts.describe(rows):
        alert = shown.alert
        yield Item(
            pk=alert.pk,
            title=f"{shown.who} {shown.said}",
            text=joined(alert.get_rule_display(), shown.patient_number, when(alert.ended_at, reader)),
            link=reverse("oversight:alert", args=[alert.pk]),
            link_label="Look",
            patient_id=alert.patient_id,
        )


def _incidents(reader: Reader) -> QuerySet[Incident]:
    running = Q(status=Incident.Status.OPEN) | Q(status=Incident.Status.ASSESSED, is_breach=True)
    return Incident.objects.visible_to(reader.user).filter(running).order_by("discovered_on")


def _describe_incidents(rows: Sequence[Incident], reader: Reader) -> Iterable[Item]:
    today = reader.at.astimezone(reader.zone).date()
    for row in rows:
        left = (row.notify_by - today).days
        yield Item(
            pk=row.pk,
            title=row.title,
            text=joined(row.number, row.get_status_display(), f"patients are told by {row.notify_by:%-d %b %Y}"),
            link=reverse("oversight:incident", args=[row.pk]),
            link_label="Open",
            patient_id=None,
            chip=f"{left} days left" if left >= 0 else f"{-left} days late",
            chip_kind="warn" if left < NOTICE_DAYS / 4 else "",
        )


def _agreements(reader: Reader) -> QuerySet[Associate]:
    """Return agreements that end within 60 days or have ended, unless a later one covers the same service."""
    today = reader.at.astimezone(reader.zone).date()
    listed = Associate.objects.visible_to(reader.user).listed()
    lasting = listed.filter(signed_on__lte=today).filter(Q(ends_on=None) | Q(ends_on__gt=today + WARN_BEFORE))
    ending = listed.filter(ends_on__lte=today + WARN_BEFORE, ends_on__gt=today - timedelta(days=365))
    return ending.exclude(service__in=lasting.values("service")).order_by("ends_on")


def _describe_agreements(rows: Sequence[Associate], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield Item(
            pk=row.pk,
            title=row.name,
            text=joined(row.get_service_display(), f"ends {row.ends_on:%-d %b %Y}"),
            link=reverse("oversight:associate", args=[row.pk]),
            link_label="Renew",
            patient_id=None,
        )


UNUSUAL = Source(
    name="unusual-access",
    title="Unusual access",
    icon="alert-triangle",
    permissions=(Permission.VIEW_AUDIT,),
    rows=_alerts,
    describe=_describe_alerts,
    needs_attention=True,
)
INCIDENTS = Source(
    name="incidents",
    title="Incidents",
    one="Incident",
    icon="flag",
    permissions=(Permission.VIEW_AUDIT,),
    rows=_incidents,
    describe=_describe_incidents,
    needs_attention=True,
)
AGREEMENTS = Source(
    name="agreements",
    title="Agreements with companies that end",
    icon="clipboard-text",
    permissions=(Permission.MANAGE_CLINIC,),
    rows=_agreements,
    describe=_describe_agreements,
    can_set_aside=True,
)

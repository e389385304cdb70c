"""An administrator's overview: people, work that failed, money that is open, refusals. No clinical content."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from billing.models import Bill
from billing.queries import Aging, sum_by_age
from sessions_app.models import ConsultationSession
from synapse.accounts.models import ClinicSettings, Invitation, User
from synapse.accounts.roles import Role
from synapse.audit.models import AuditEvent, Outcome
from synapse.common.models import Job

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Overview:
    """What the home page of an administrator shows."""

    people: list[tuple[str, int]]
    invitations: int
    sessions: int
    live_sessions: int
    failed_jobs: int
    waiting_jobs: int
    refusals: int
    failed_sign_ins: int
    aging: Aging
    currency: str


def read_overview(*, now: datetime) -> Overview:
    """Gather the overview."""
    clinic = ClinicSettings.load()
    by_role = dict(
        User.objects.filter(is_active=True)
        .values_list("role")
        .annotate(number=Count("pk"))
        .values_list("role", "number")
    )
    unpaid = [Bill.Status.SENT, Bill.Status.PARTIALLY_PAID, Bill.Status.OVERDUE]
    events = AuditEvent.objects.filter(at__gte=now - WEEK)
    return Overview(
        people=[(str(role.label), by_role.get(role.value, 0)) for role in Role],
        invitations=Invitation.objects.filter(used_at=None, revoked_at=None, expires_at__gt=now).count(),
        sessions=ConsultationSession.objects.filter(started_at__gte=now - WEEK).count(),
        live_sessions=ConsultationSession.objects.live().count(),
        failed_jobs=Job.objects.filter(state__in=[Job.State.FAILED, Job.State.DEAD]).count(),
        waiting_jobs=Job.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING]).count(),
        refusals=events.filter(outcome=Outcome.DENIED).count(),
        failed_sign_ins=events.filter(action="sign_in_failed").count(),
        aging=sum_by_age(Bill.objects.filter(status__in=unpaid), today=clinic.date_of(now)),
        currency=clinic.currency,
    )

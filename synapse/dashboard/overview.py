"""An administrator's overview: people, work that failed, money that is open, refusals. No clinical content."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from billing.figures.queries import read_aging
from billing.queries import Aging
from sessions_app.models import ConsultationSession
from synapse.accounts.models import ClinicSettings, Invitation, User
from synapse.accounts.roles import Role
from synapse.audit.models import Action, AuditEvent, Outcome
from synapse.common.models import Job, SweepRun

WEEK = timedelta(days=7)
SHOWN = 5


@dataclass(frozen=True)
class Overview:
    """What the home page of an administrator shows."""

    people: list[tuple[str, int]]
    invitations: int
    sessions: int
    live_sessions: int
    failed_jobs: int
    waiting_jobs: int
    latest_failures: list[Job]
    failed_sweeps: list[SweepRun]
    refusals: int
    failed_sign_ins: int
    latest_refusals: list[AuditEvent]
    aging: Aging
    currency: str


def read_overview(*, now: datetime) -> Overview:
    """Gather the overview."""
    clinic = ClinicSettings.load()
    working = User.objects.filter(is_active=True)
    by_role = dict(working.values_list("role").annotate(number=Count("pk")).values_list("role", "number"))
    failures = Job.objects.filter(state__in=[Job.State.FAILED, Job.State.DEAD])
    lately = AuditEvent.objects.filter(at__gte=now - WEEK)
    refusals = lately.filter(outcome=Outcome.DENIED).exclude(action=Action.SIGN_IN_FAILED)
    return Overview(
        people=[(str(role.label), by_role.get(role.value, 0)) for role in Role],
        invitations=Invitation.objects.filter(used_at=None, revoked_at=None, expires_at__gt=now).count(),
        sessions=ConsultationSession.objects.filter(started_at__gte=now - WEEK).count(),
        live_sessions=ConsultationSession.objects.live().count(),
        failed_jobs=failures.count(),
        waiting_jobs=Job.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING]).count(),
        latest_failures=list(failures.order_by("-finished_at")[:SHOWN]),
        failed_sweeps=list(SweepRun.objects.exclude(outcome__in=["", "ok"]).order_by("name")),
        refusals=refusals.count(),
        failed_sign_ins=lately.filter(action=Action.SIGN_IN_FAILED).count(),
        latest_refusals=list(refusals.order_by("-seq")[:SHOWN]),
        aging=read_aging(clinic.currency, None, at=now),
        currency=clinic.currency,
    )

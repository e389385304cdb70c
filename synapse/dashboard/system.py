"""How the machinery does: processes, sweeps, jobs that need somebody."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from synapse import health
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit import seals
from synapse.backups import schedule
from synapse.common import backup_state, heartbeat, sweeps
from synapse.common.models import Job, SweepRun
from synapse.web.http import ClinicRequest, render_page

MOST_JOBS = 50
LOOKS = {health.OK: ("ok", "circle-check"), health.DEGRADED: ("warn", "alert-triangle"), health.DOWN: ("rec", "ban")}
WORDS = {
    "database": "Database",
    "storage": "Recordings",
    "keys": "Keys",
    "worker": "Background work",
    "speech": "Speech",
}


@dataclass(frozen=True)
class Part:
    """One part of the installation and its state."""

    name: str
    state: str
    kind: str
    icon: str
    seen_at: datetime | None


@dataclass(frozen=True)
class Recurring:
    """One sweep with its last run; late when it is overdue by more than an interval."""

    sweep: sweeps.Sweep
    run: SweepRun | None
    is_late: bool

    @property
    def is_failed(self) -> bool:
        return self.run is not None and self.run.outcome not in {"", "ok"}


@require_GET
@requires(Permission.VIEW_SYSTEM)
def index(request: ClinicRequest) -> HttpResponse:
    """Show the state of every part, the last run of each sweep and the jobs that ended badly."""
    now = timezone.now()
    counts = Job.objects.values("state").annotate(count=Count("pk"))
    context = {
        "parts": [_part(name) for name in health.CHECKS],
        "sweeps": [_recurring(sweep, now) for sweep in sweeps.registered()],
        "seal": seals.last_seal(),
        "counts": {row["state"]: row["count"] for row in counts},
        "backup": backup_state.last_backup(),
        "drill": backup_state.last_drill(),
        "has_backup_folder": bool(settings.BACKUP_DIR),
        "is_backup_old": schedule.is_too_old(now),
        "jobs": Job.objects.filter(state__in=[Job.State.DEAD, Job.State.FAILED]).order_by("-updated_at")[:MOST_JOBS],
    }
    return render_page(request, "dashboard/system.html", context, fragment="dashboard/_system.html")


def _part(name: str) -> Part:
    state = health.CHECKS[name]()
    kind, icon = LOOKS[state]
    beats = {"worker": heartbeat.WORKER, "speech": heartbeat.SPEECH}
    seen_at = heartbeat.last_beat(beats[name]) if name in beats else None
    return Part(WORDS[name], state, kind, icon, seen_at)


def _recurring(sweep: sweeps.Sweep, now: datetime) -> Recurring:
    run = SweepRun.objects.filter(name=sweep.name).first()
    is_late = run is None or now - run.started_at > 2 * sweep.every + timedelta(minutes=1)
    return Recurring(sweep, run, is_late)

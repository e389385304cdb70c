"""Is it alive, is it ready, and figures for a monitor: no login, no patient data."""

import ipaddress
import logging
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from synapse import storage
from synapse.audit.context import client_ip
from synapse.common import backup_state, heartbeat, sweeps
from synapse.common.models import Job, SweepRun
from synapse.encryption import masters
from synapse.encryption.errors import KeyServiceUnavailable
from synapse.encryption.key_check import WrongKeyError, verify_keys

logger = logging.getLogger(__name__)

OK, DEGRADED, DOWN = "ok", "degraded", "down"
STORAGE_CACHE_SECONDS = 10
KEY_SERVICE_CACHE_SECONDS = 60


@require_safe
@never_cache
@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the process runs."""
    return JsonResponse({"status": OK})


@require_safe
@never_cache
@login_not_required
def ready(request: HttpRequest) -> HttpResponse:
    """Answer each part's state; 503 only when records cannot be kept (database, storage, keys)."""
    checks = {name: check() for name, check in CHECKS.items()}
    is_down = DOWN in checks.values()
    status = DOWN if is_down else DEGRADED if DEGRADED in checks.values() else OK
    return JsonResponse({"status": status, "checks": checks}, status=503 if is_down else 200)


@require_safe
@never_cache
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer counts in Prometheus' text format, to METRICS_ALLOWED_IPS only."""
    if not _may_read_metrics(client_ip(request.META)):
        return HttpResponseForbidden("This address may not read the metrics.\n", content_type="text/plain")
    return HttpResponse("\n".join(_metric_lines()) + "\n", content_type="text/plain; version=0.0.4")


def check_database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.error("health: the database fails with %s", type(error).__name__)
        return DOWN
    return OK


def check_storage() -> str:
    state: str | None = cache.get("health:storage")
    if state is None:
        try:
            storage.probe()
            state = OK
        except storage.StorageError as error:
            logger.error("health: %s", str(error))
            state = DOWN
        cache.set("health:storage", state, STORAGE_CACHE_SECONDS)
    return state


def check_keys() -> str:
    try:
        verify_keys()
    except (WrongKeyError, DatabaseError) as error:
        logger.error("health: the keys fail with %s", type(error).__name__)
        return DOWN
    return _check_key_service() if settings.KMS_KEY else OK


def _check_key_service() -> str:
    """Ask the key service at most once a minute; while it is away new data keys are wrapped by AUDIO_KEY."""
    state: str | None = cache.get("health:key-service")
    if state is None:
        try:
            masters.configured().active_id(masters.RECORDINGS)
            state = OK
        except KeyServiceUnavailable as error:
            logger.error("health: %s", str(error))
            state = DEGRADED
        cache.set("health:key-service", state, KEY_SERVICE_CACHE_SECONDS)
    return state


def _check_beat(name: str) -> str:
    try:
        return OK if heartbeat.is_alive(name, timezone.now()) else DEGRADED
    except DatabaseError:
        return DEGRADED


CHECKS: dict[str, Callable[[], str]] = {
    "database": check_database,
    "storage": check_storage,
    "keys": check_keys,
    "worker": lambda: _check_beat(heartbeat.WORKER),
    "speech": lambda: _check_beat(heartbeat.SPEECH),
}


def _may_read_metrics(address: str | None) -> bool:
    return address is not None and any(
        ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
        for network in settings.METRICS_ALLOWED_IPS
    )


def _metric_lines() -> list[str]:
    now = timezone.now()
    counts = Job.objects.values("runner", "state").annotate(count=Count("pk")).order_by("runner", "state")
    runs = SweepRun.objects.in_bulk([sweep.name for sweep in sweeps.registered()])
    beats = {name: heartbeat.last_beat(name) for name in (heartbeat.WORKER, heartbeat.SPEECH)}
    backups = (("backup", backup_state.last_backup()), ("drill", backup_state.last_drill()))
    return [
        "# TYPE synapse_jobs gauge",
        *(f'synapse_jobs{{runner="{row["runner"]}",state="{row["state"]}"}} {row["count"]}' for row in counts),
        "# TYPE synapse_heartbeat_age_seconds gauge",
        *(
            f'synapse_heartbeat_age_seconds{{process="{name.removeprefix("heartbeat:")}"}} {_age(beat, now):.1f}'
            for name, beat in beats.items()
            if beat is not None
        ),
        "# TYPE synapse_backup_age_seconds gauge",
        *(f'synapse_backup_age_seconds{{kind="{kind}"}} {_age(event.at, now):.1f}' for kind, event in backups if event),
        "# TYPE synapse_sweep_age_seconds gauge",
        *(f'synapse_sweep_age_seconds{{sweep="{name}"}} {_age(run.started_at, now):.1f}' for name, run in runs.items()),
        "# TYPE synapse_sweep_ok gauge",
        *(f'synapse_sweep_ok{{sweep="{name}"}} {int(run.outcome in ("ok", ""))}' for name, run in runs.items()),
    ]


def _age(moment: datetime, now: datetime) -> float:
    return (now - moment).total_seconds()

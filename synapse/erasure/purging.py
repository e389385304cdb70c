"""How long everything is kept, and what is past its time: one table, read by the sweep, the command and the page."""

import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from patients.models import Patient
from reports.models import ShareOpening
from sessions_app.models import AudioUpload
from sessions_app.recordings import deletion, retention
from sessions_app.uploads import services as uploads
from synapse.accounts import throttle, tokens
from synapse.accounts.models import ApiToken, ClinicSettings, Invitation, SignInThrottle
from synapse.api import idempotency
from synapse.api.models import IdempotencyKey
from synapse.audit.models import ChainCheck
from synapse.common import jobs
from synapse.common.models import Job
from synapse.records import services as imports
from synapse.records.exports import services as exports
from synapse.records.exports.models import RecordExport
from synapse.records.models import DataImport
from synapse.webhooks import delivering

BY_RULE = "The law or this software"
BY_CLINIC = "Clinic settings"
BY_PATIENT = "Clinic settings, a patient's own rule"

OPENINGS_KEPT = timedelta(days=365)
ATTEMPTS_KEPT = timedelta(days=30)
CHECKS_KEPT = timedelta(days=365)
INVITATIONS_KEPT = timedelta(days=30)
LEFT_FILE_AFTER = timedelta(days=1)
COPIES_KEPT = timedelta(days=35)
LEFT_FOLDERS = ("tmp", "incoming")
AUDIT_YEARS = 6


@dataclass(frozen=True)
class Artefact:
    """One kind of thing: how long it is kept, where that is set, how many are past it, and how they go.

    Without `purge` nothing goes by itself.
    """

    name: str
    kept: Callable[[ClinicSettings], str]
    set_in: str
    count: Callable[[datetime], int]
    purge: Callable[[datetime], object] | None


@dataclass(frozen=True)
class Row:
    """An artefact as the page shows it."""

    name: str
    kept: str
    set_in: str
    past: int
    goes_by_itself: bool


def purge_expired(at: datetime, *, is_dry_run: bool = False) -> dict[str, int]:
    """Destroy what is past its time; return how much of each was. May run twice. Records and the trail never go here."""
    counts = {}
    for artefact in ARTEFACTS:
        counts[artefact.name] = artefact.count(at)
        if not is_dry_run and artefact.purge is not None:
            artefact.purge(at)
    return counts


def read_table(at: datetime) -> Iterator[Row]:
    """Yield every kind of thing with how long it is kept and how many are past it."""
    clinic = ClinicSettings.load()
    for artefact in ARTEFACTS:
        yield Row(artefact.name, artefact.kept(clinic), artefact.set_in, artefact.count(at), artefact.purge is not None)


def _days(period: timedelta) -> Callable[[ClinicSettings], str]:
    days = period.days
    words = f"{days} day{'' if days == 1 else 's'}" if days else f"{int(period.total_seconds() // 3600)} hours"
    return lambda clinic: words


def _records_kept(clinic: ClinicSettings) -> str:
    return (
        f"{clinic.record_retention_years} years from the last treatment; of minors at least "
        f"{clinic.minor_retention_years} years from the age of {clinic.majority_age}"
    )


def _openings(at: datetime) -> QuerySet[ShareOpening]:
    old = ShareOpening.objects.filter(opened_at__lt=at - OPENINGS_KEPT)
    named = [opening.pk for opening in old.iterator() if opening.device or opening.address]
    return ShareOpening.objects.filter(pk__in=named)


def _imports(at: datetime) -> QuerySet[DataImport]:
    return DataImport.objects.filter(
        status__in=imports.LEFT_LYING, updated_at__lt=at - timedelta(days=imports.FORGOTTEN_DAYS)
    )


def _left_files(at: datetime) -> list[Path]:
    """Return temporary files that a killed process left; what is in use is younger."""
    before = time.time() - LEFT_FILE_AFTER.total_seconds()
    folders = [Path(settings.DATA_DIR) / name for name in LEFT_FOLDERS]
    return [path for folder in folders if folder.is_dir() for path in folder.iterdir() if _is_left(path, before)]


def _is_left(path: Path, before: float) -> bool:
    try:
        facts = path.stat()
    except FileNotFoundError:  # whoever it belongs to was done with it meanwhile
        return False
    return stat.S_ISREG(facts.st_mode) and facts.st_mtime < before


def _remove_left_files(at: datetime) -> None:
    for path in _left_files(at):
        path.unlink(missing_ok=True)


def _old_copies(at: datetime) -> list[Path]:
    """Return what starts with pending migrations left long ago: it still holds whoever was erased since."""
    before = f"before-migration-{(at - COPIES_KEPT).astimezone(UTC):%Y%m%d-%H%M%S}"
    return [path for path in (Path(settings.DATA_DIR) / "backups").glob("before-migration-*") if path.name < before]


def _remove_old_copies(at: datetime) -> None:
    for path in _old_copies(at):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _left_uploads(at: datetime) -> QuerySet[AudioUpload]:
    return AudioUpload.objects.filter(
        status=AudioUpload.Status.RECEIVING, last_part_at__lt=at - uploads.ABANDONED_AFTER
    )


ARTEFACTS = (
    Artefact(
        "Recordings",
        lambda clinic: (
            f"With consent to keep them: {clinic.audio_rule}; without: until the report is signed, at most "
            f"{clinic.audio_retention_days} days"
        ),
        BY_PATIENT,
        lambda at: len(retention.due_recordings(at)),
        deletion.sweep,
    ),
    Artefact(
        "Uploads that stopped",
        _days(uploads.ABANDONED_AFTER),
        BY_RULE,
        lambda at: _left_uploads(at).count(),
        uploads.settle_left,
    ),
    Artefact(
        "Files to import nobody started",
        _days(timedelta(days=imports.FORGOTTEN_DAYS)),
        BY_RULE,
        lambda at: _imports(at).count(),
        imports.drop_forgotten,
    ),
    Artefact(
        "Records made ready for patients",
        _days(exports.KEEP),
        BY_RULE,
        lambda at: RecordExport.objects.filter(status=RecordExport.Status.READY, delete_after__lte=at).count(),
        exports.delete_expired,
    ),
    Artefact(
        "Device and address of who opened a link",
        _days(OPENINGS_KEPT),
        BY_RULE,
        lambda at: _openings(at).count(),
        lambda at: _openings(at).update(device="", address=""),
    ),
    Artefact(
        "Answers kept for programs",
        _days(idempotency.KEPT),
        BY_RULE,
        lambda at: IdempotencyKey.objects.filter(created_at__lt=at - idempotency.KEPT).count(),
        idempotency.purge_old,
    ),
    Artefact(
        "Events sent to other programs",
        _days(delivering.KEPT),
        BY_RULE,
        lambda at: delivering.purgeable(at).count(),
        delivering.purge,
    ),
    Artefact(
        "API tokens that ended",
        lambda clinic: "Until they end",
        BY_RULE,
        lambda at: ApiToken.objects.filter(expires_at__lte=at).count(),
        tokens.purge_ended,
    ),
    Artefact(
        "Sign-ins of browsers",
        lambda clinic: "Until they end",
        BY_RULE,
        lambda at: Session.objects.filter(expire_date__lt=at).count(),
        lambda at: Session.objects.filter(expire_date__lt=at).delete(),
    ),
    Artefact(
        "Failed sign-ins that are counted",
        _days(throttle.KEPT),
        BY_RULE,
        lambda at: SignInThrottle.objects.filter(first_failure_at__lt=at - throttle.KEPT).count(),
        lambda at: SignInThrottle.objects.filter(first_failure_at__lt=at - throttle.KEPT).delete(),
    ),
    Artefact(
        "Wrong passwords, with name and address",
        _days(ATTEMPTS_KEPT),
        BY_RULE,
        lambda at: AccessAttempt.objects.filter(attempt_time__lt=at - ATTEMPTS_KEPT).count(),
        lambda at: AccessAttempt.objects.filter(attempt_time__lt=at - ATTEMPTS_KEPT).delete(),
    ),
    Artefact(
        "Invitations of colleagues",
        lambda clinic: f"{INVITATIONS_KEPT.days} days from their end",
        BY_RULE,
        lambda at: Invitation.objects.filter(expires_at__lt=at - INVITATIONS_KEPT).count(),
        lambda at: Invitation.objects.filter(expires_at__lt=at - INVITATIONS_KEPT).delete(),
    ),
    Artefact(
        "Background work that is done",
        _days(jobs.KEEP_FINISHED),
        BY_RULE,
        lambda at: Job.objects.filter(state=Job.State.DONE, finished_at__lt=at - jobs.KEEP_FINISHED).count(),
        jobs.purge_finished,
    ),
    Artefact(
        "Results of checking the audit trail",
        _days(CHECKS_KEPT),
        BY_RULE,
        lambda at: ChainCheck.objects.filter(checked_at__lt=at - CHECKS_KEPT).count(),
        lambda at: ChainCheck.objects.filter(checked_at__lt=at - CHECKS_KEPT).delete(),
    ),
    Artefact("Temporary files", _days(LEFT_FILE_AFTER), BY_RULE, lambda at: len(_left_files(at)), _remove_left_files),
    Artefact(
        "Backups made before a migration",
        _days(COPIES_KEPT),
        BY_RULE,
        lambda at: len(_old_copies(at)),
        _remove_old_copies,
    ),
    Artefact(
        "Records of patients",
        _records_kept,
        BY_CLINIC,
        lambda at: Patient.objects.filter(due_for_erasure_since__isnull=False, erased_at=None).count(),
        None,
    ),
    Artefact(
        "Audit trail", lambda clinic: f"At least {AUDIT_YEARS} years; never deleted here", BY_RULE, lambda at: 0, None
    ),
)

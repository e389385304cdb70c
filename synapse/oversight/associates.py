"""Agreements with companies, and which of them the installation really uses."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from reports import generation
from sessions_app import stt
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import NotAllowed
from synapse.oversight.models import Associate
from synapse.oversight.models.associates import Service

LOCAL_HOSTS = {"", "localhost", "127.0.0.1", "::1"}
OWN_MAIL = {"console", "dummy", "locmem", "filebased"}


@dataclass(frozen=True)
class Used:
    """A service the settings name, with the agreement that covers it."""

    service: Service
    where: str
    associate: Associate | None
    day: date

    @property
    def is_covered(self) -> bool:
        return self.associate is not None and self.associate.holds_on(self.day)

    @property
    def ends_soon(self) -> bool:
        return self.associate is not None and self.associate.ends_soon(self.day)


def used_services() -> list[tuple[Service, str]]:
    """Return the services outside this machine that get to see patient data, by the settings in force."""
    found: list[tuple[Service, str]] = []
    if stt.chosen_backend() == stt.GOOGLE:
        found.append((Service.GOOGLE_SPEECH, settings.GOOGLE_STT_LOCATION))
    if generation.get_generator(allow_cloud=True).is_cloud:
        if settings.REPORT_BACKEND == "openai":
            found.append((Service.LANGUAGE_MODEL, urlsplit(settings.OPENAI_BASE_URL).hostname or ""))
        else:
            found.append((Service.GEMINI, settings.GEMINI_MODEL))
    if settings.AUDIO_BUCKET:
        found.append((Service.BUCKET, settings.AUDIO_BUCKET))
    if getattr(settings, "KMS_KEY", ""):
        found.append((Service.KMS, "Google Cloud KMS"))
    if settings.SMS_BACKEND == "http":
        found.append((Service.SMS, urlsplit(settings.SMS_HTTP_URL).hostname or ""))
    mail = settings.EMAIL_BACKEND.rsplit(".", 2)[-2]
    if mail not in OWN_MAIL and settings.EMAIL_HOST not in LOCAL_HOSTS:
        found.append((Service.EMAIL, settings.EMAIL_HOST))
    host = str(settings.DATABASES["default"].get("HOST", ""))
    if host not in LOCAL_HOSTS and not host.startswith("/"):
        found.append((Service.DATABASE, host))
    return found


def overview(*, today: date) -> list[Used]:
    """Return each service that is used with the agreement that reaches furthest, or none."""
    listed = list(Associate.objects.listed())
    result = []
    for service, where in used_services():
        fitting = [each for each in listed if each.service == service]
        best = max(fitting, key=lambda each: (each.holds_on(today), each.ends_on or date.max), default=None)
        result.append(Used(service, where, best, today))
    return result


def save_associate(associate: Associate | None, values: dict[str, Any], *, by: User) -> Associate:
    """Add an agreement, or change one. Raises NotAllowed."""
    _check(by)
    with unit_of_work():
        if associate is None:
            saved = Associate.objects.create(**values)
            record(Action.CREATE, by=by, target=("oversight.Associate", str(saved.pk)))
            return saved
        changed = [name for name, value in values.items() if getattr(associate, name) != value]
        for name in changed:
            setattr(associate, name, values[name])
        if changed:
            associate.save(update_fields=[*changed, "updated_at"])
            target = ("oversight.Associate", str(associate.pk))
            record(Action.UPDATE, by=by, target=target, detail={"fields": changed})
    return associate


def end_associate(associate: Associate, *, by: User, at: datetime) -> Associate:
    """Take an agreement off the list; it is kept. Raises NotAllowed."""
    _check(by)
    with unit_of_work():
        if Associate.objects.listed().filter(pk=associate.pk).update(ended_at=at, updated_at=at):
            record(Action.ARCHIVE, by=by, target=("oversight.Associate", str(associate.pk)))
    associate.refresh_from_db()
    return associate


def _check(by: User) -> None:
    if not by.may(Permission.MANAGE_CLINIC):
        raise NotAllowed("Only administrators look after agreements.")

"""Mails that the accounts app sends in the background. The link is made here, so no queue ever holds it."""

from collections.abc import Mapping

from django.conf import settings
from django.urls import reverse

from synapse.accounts import services
from synapse.accounts.models import User
from synapse.common import jobs
from synapse.common.jobs import TransientJobError
from synapse.common.models import Job
from synapse.notifications.services import NotDelivered, deliver


@jobs.task()
def mail_password_reset(job: Job) -> None:
    """Mail the link for a new password; somebody deactivated meanwhile gets none."""
    user = User.objects.filter(pk=job.object_id, is_active=True).first()
    if user is None:
        return
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    context = {"name": user.display_name, "path": services.reset_path(user), "minutes": minutes}
    _mail("password_reset", user, context)


@jobs.task()
def mail_password_changed(job: Job) -> None:
    """Tell a user that the password was changed."""
    user = User.objects.filter(pk=job.object_id, is_active=True).first()
    if user is not None:
        path = reverse("accounts:forgot_password")
        _mail("password_changed", user, {"name": user.display_name, "path": path})


@jobs.task()
def mail_report_ready(job: Job) -> None:
    """Say that a drafted report waits."""
    _mail_event(job, "A report is written and waits for you", "Read it, check each line and sign it.", "reports:list")


@jobs.task()
def mail_report_failed(job: Job) -> None:
    """Say that a transcript or report could not be made."""
    _mail_event(
        job,
        "A transcript or report could not be made",
        "The recording is safe. Open the session and try again.",
        "sessions:list",
    )


@jobs.task()
def mail_appointment_booked(job: Job) -> None:
    """Say that somebody else changed the user's calendar."""
    _mail_event(job, "Your calendar has changed", "A visit was booked, moved or cancelled.", "scheduling:calendar")


@jobs.task()
def mail_patient_shared(job: Job) -> None:
    """Say that a colleague shared a patient."""
    _mail_event(job, "A colleague shares a patient with you", "You find them in your patient list.", "patients:list")


@jobs.task()
def mail_webhook_disabled(job: Job) -> None:
    """Say that events no longer go out to one of the user's programs."""
    _mail_event(
        job,
        "A webhook was switched off",
        "Its receiver took nothing for three days, or said that it is gone. Switch it on again when it is back.",
        "webhooks:list",
    )


def _mail_event(job: Job, subject: str, text: str, route: str) -> None:
    user = User.objects.filter(pk=job.object_id, is_active=True).first()
    if user is None:
        return
    context = {
        "name": user.display_name,
        "subject": subject,
        "text": text,
        "path": reverse(route),
        "settings_path": reverse("accounts:notifications"),
    }
    _mail("notification", user, context)


def _mail(template: str, user: User, context: Mapping[str, object]) -> None:
    try:
        deliver(template, user.email, context)
    except NotDelivered as error:
        raise TransientJobError(error.code) from error

"""Mails that the accounts app sends in the background. The link is made here, so no queue ever holds it."""

from django.conf import settings
from django.urls import reverse

from synapse.accounts import services
from synapse.accounts.models import User
from synapse.common import jobs
from synapse.common.jobs import Job, TransientJobError
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


def _mail(template: str, user: User, context: dict[str, object]) -> None:
    try:
        deliver(template, user.email, context)
    except NotDelivered as error:
        raise TransientJobError(error.code) from error

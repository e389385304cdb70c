"""Mails of the patients app; none names a patient."""

from django.urls import reverse

from patients.emergency import services as emergency
from patients.models import EmergencyAccess
from synapse.accounts.roles import Permission
from synapse.common import jobs
from synapse.common.jobs import TransientJobError
from synapse.common.models import Job
from synapse.notifications.services import NotDelivered, deliver


@jobs.task()
def mail_emergency(job: Job) -> None:
    """Tell those who review it, and the patient's doctors, that a record was opened in an emergency."""
    opened = EmergencyAccess.objects.select_related("doctor", "patient").get(pk=job.object_id)
    undelivered = ""
    for person in emergency.people_to_tell(opened):
        context = {
            "name": person.display_name,
            "doctor": opened.doctor.display_name,
            "reviews": person.may(Permission.REVIEW_EMERGENCIES),
            "path": reverse("dashboard:emergency", args=[opened.pk]),
        }
        try:
            deliver("emergency", person.email, context)
        except NotDelivered as error:
            undelivered = error.code
    if undelivered:
        raise TransientJobError(undelivered)

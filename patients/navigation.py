"""What every page shows of this app: the records a doctor has open in an emergency."""

from django.utils import timezone

from patients.emergency import services as emergency
from synapse.accounts.models import User
from synapse.web.nav import Emergency


def emergencies_for_strip(user: User) -> list[Emergency]:
    """Return the records a doctor has open in an emergency, with the minutes that are left."""
    now = timezone.now()
    return [
        Emergency(
            pk=opened.pk,
            patient_id=opened.patient_id,
            number=opened.patient.patient_id,
            minutes_left=opened.minutes_left(now),
            until=opened.expires_at,
        )
        for opened in emergency.opened_by(user, at=now)
    ]

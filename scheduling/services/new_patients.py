"""Register somebody who calls for a first visit, and book it: both or neither."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from patients import services as patient_services
from scheduling.models import Appointment
from scheduling.services import appointments
from synapse.accounts.models import User
from synapse.audit.services import unit_of_work


def schedule_new_patient(
    fields: Mapping[str, Any], *, doctor: User, by: User, at: datetime, **visit: Any
) -> Appointment:
    """Register a patient for the doctor and book the first visit; a time that is refused registers nobody.

    `fields` are those of the record, `visit` what `schedule_appointment` takes. Raises what both raise.
    """
    with unit_of_work():
        whose = None if by.pk == doctor.pk else doctor
        patient = patient_services.register_patient(fields, doctor=whose, by=by, at=at)
        return appointments.schedule_appointment(patient, doctor=doctor, by=by, at=at, **visit)

"""Register a patient together with what the patient says about recording."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from patients import services
from patients.consents import services as consents
from patients.models import Consent, Patient
from synapse.accounts.models import User
from synapse.audit.services import unit_of_work

DECLINED = "declined"


def register_with_answer(
    fields: Mapping[str, Any], *, doctor: User | None, recording: str, by: User, at: datetime
) -> Patient:
    """Register a patient and store the answer about recording, both or neither.

    `recording` is how the patient agreed ("verbal", "written"), "declined", or anything else: not asked yet.
    """
    with unit_of_work():
        patient = services.register_patient(fields, doctor=doctor, by=by, at=at)
        if recording == DECLINED:
            consents.decline_consent(patient, Consent.Kind.RECORDING, method=Consent.Method.VERBAL, by=by, at=at)
        elif recording in consents.IN_THE_ROOM:
            consents.record_consent(patient, Consent.Kind.RECORDING, method=recording, by=by, at=at)
    return patient

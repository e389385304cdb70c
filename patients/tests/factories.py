"""Patients for tests, made through the services the product uses."""

from datetime import date, datetime
from itertools import count
from typing import Any

from django.utils import timezone

from patients import services
from patients.models import Patient
from synapse.accounts.models import User

_numbers = count(1)


def make_patient(doctor: User, *, at: datetime | None = None, **fields: Any) -> Patient:
    """Register a patient of a doctor; fields not given are invented, the phone a different one each time."""
    phone = f"+9198200{next(_numbers) % 100_000:05d}"
    values = {
        "first_name": "Kavya",
        "last_name": "Iyer",
        "date_of_birth": date(1991, 5, 2),
        "gender": "female",
        "phone_primary": phone,
        **fields,
    }
    return services.register_patient(values, doctor=doctor, by=doctor, at=at or timezone.now())

"""A patient with every clinical field filled."""

import pytest

from patients.models import Patient
from patients.tests.factories import make_patient
from patients.tests.pages import SECRETS


@pytest.fixture
def kavya(asha) -> Patient:
    return make_patient(asha, email="kavya@example.org", **SECRETS)

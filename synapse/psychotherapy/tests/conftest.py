"""One patient with a private note, and who else stands around: each test asks one path for its words."""

from dataclasses import dataclass

import pytest

from patients.models import Patient
from patients.tests.factories import make_patient
from synapse.accounts.models import User
from synapse.psychotherapy import services
from synapse.psychotherapy.models import ProcessNote

CANARY = "Countertransference-7qX: she reminds me of my sister."


@dataclass
class Written:
    author: User
    patient: Patient
    note: ProcessNote


def write(patient: Patient, *, by: User, at, text: str = CANARY, session=None) -> ProcessNote:
    note = services.begin_note(patient, session=session, by=by, at=at)
    services.save_note(note, text=text, based_on=note.saved_at, by=by, at=at)
    note.refresh_from_db()
    return note


@pytest.fixture
def written(asha, now) -> Written:
    """A note of asha about a patient of hers."""
    patient = make_patient(asha, at=now)
    return Written(asha, patient, write(patient, by=asha, at=now))

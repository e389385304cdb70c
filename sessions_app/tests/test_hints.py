"""What the engines are told of a session."""

import pytest

from sessions_app.speech.hints import hints_for
from sessions_app.tests.factories import make_session
from synapse.accounts.models import ClinicSettings

pytestmark = pytest.mark.django_db


def test_the_engines_are_told_the_clinics_words_the_drugs_and_the_names(asha):
    clinic = ClinicSettings.load()
    clinic.vocabulary = "Lakeside House\n\nEMDR\n"
    clinic.save()
    session = make_session(asha)
    patient = session.patient
    patient.first_name, patient.last_name = "Kavya", "Menon"
    patient.current_medications = (
        "Sertraline 50 mg, mornings\nLithium carbonate 800 mg at night\nMelatonin, if needed\n"
    )

    hints = hints_for(session)

    assert hints.vocabulary == ("Lakeside House", "EMDR", "Sertraline", "Lithium carbonate", "Melatonin")
    assert hints.names == ("Kavya", "Menon", asha.first_name, asha.last_name)

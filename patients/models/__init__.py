"""Models of patients, by what they are about."""

from patients.models.consent import Consent
from patients.models.consent_link import ConsentLink
from patients.models.consent_signature import ConsentSignature
from patients.models.consent_sitting import ConsentSitting
from patients.models.consent_text import ConsentTextVersion
from patients.models.emergency import EmergencyAccess
from patients.models.handover import Handover
from patients.models.hold import LegalHold
from patients.models.merge import PatientMerge
from patients.models.patient import Patient, PatientAccess, PatientQuerySet, PatientToken

__all__ = [
    "Consent",
    "ConsentLink",
    "ConsentSignature",
    "ConsentSitting",
    "ConsentTextVersion",
    "EmergencyAccess",
    "Handover",
    "LegalHold",
    "Patient",
    "PatientAccess",
    "PatientMerge",
    "PatientQuerySet",
    "PatientToken",
]

"""Keep a patient's search tokens and hash columns in step with the encrypted fields."""

from django.db import transaction

from patients.models import Patient, PatientToken
from synapse.encryption import blind_index

INDEXED_FIELDS = frozenset({"first_name", "last_name", "date_of_birth", "phone_primary", "phone_secondary", "email"})
HASH_COLUMNS = ("name_hash", "phone_hash", "email_hash")


def set_hashes(patient: Patient) -> None:
    """Put the keyed hashes of name, phone and e-mail on the object; saving it is the caller's."""
    patient.name_hash = blind_index.hash_name(patient.first_name, patient.last_name)
    patient.phone_hash = blind_index.hash_phone(patient.phone_primary)
    patient.email_hash = blind_index.hash_email(patient.email)


def tokens_of(patient: Patient) -> set[int]:
    """Return every token the patient is found by, those of records merged into this one included."""
    entries = {
        entry
        for record in (patient, *Patient.objects.filter(merged_into=patient))
        for entry in blind_index.index_tokens(
            first_name=record.first_name,
            last_name=record.last_name,
            phones=[record.phone_primary, record.phone_secondary],
            email=record.email,
            date_of_birth=record.date_of_birth,
        )
    }
    return {token for _, token in entries}


def write_tokens(patient: Patient) -> None:
    """Replace the stored tokens by the present ones, touching only those that differ."""
    wanted = tokens_of(patient)
    stored = set(PatientToken.objects.filter(patient=patient).values_list("token", flat=True))
    PatientToken.objects.filter(patient=patient, token__in=stored - wanted).delete()
    PatientToken.objects.bulk_create(PatientToken(token=token, patient=patient) for token in sorted(wanted - stored))


def reindex_all() -> int:
    """Write every patient's hashes and tokens anew under the active INDEX_KEY; return how many patients there are."""
    count = 0
    for patient_id in Patient.objects.values_list("pk", flat=True).iterator(chunk_size=500):
        with transaction.atomic():
            patient = Patient.objects.select_for_update().get(pk=patient_id)
            set_hashes(patient)
            patient.save(update_fields=HASH_COLUMNS)
            write_tokens(patient)
        count += 1
    return count

"""Who may do what with a patient they can see, and which fields each capability opens.

Each rule is a pair: `check_…` raises with the reason, `can_…` asks.
"""

from collections.abc import Collection
from typing import Any

from patients.models import Patient, PatientAccess
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.common.errors import Conflict, NotAllowed

IDENTITY_FIELDS = (
    "first_name",
    "last_name",
    "date_of_birth",
    "gender",
    "phone_primary",
    "phone_secondary",
    "email",
    "address",
    "blood_group",
    "occupation",
    "marital_status",
    "preferred_language",
    "emergency_contact_name",
    "emergency_contact_phone",
    "emergency_contact_relationship",
    "insurance_provider",
    "insurance_policy_number",
    "insurance_group_number",
)
CLINICAL_FIELDS = ("allergies", "medical_history", "current_medications", "notes", "tags")

READABLE_FIELDS: dict[Permission, tuple[str, ...]] = {
    Permission.VIEW_PATIENTS: ("patient_id", "age", "has_allergies", "created_by", *IDENTITY_FIELDS),
    Permission.VIEW_CLINICAL: CLINICAL_FIELDS,
}
WRITABLE_FIELDS: dict[Permission, tuple[str, ...]] = {
    Permission.EDIT_PATIENTS: IDENTITY_FIELDS,
    Permission.EDIT_CLINICAL: CLINICAL_FIELDS,
}


class FieldNotWritable(NotAllowed):
    """A field was sent that this person's role may not write; `fields` names them."""

    code = "field_not_writable"

    def __init__(self, fields: Collection[str]) -> None:
        self.fields = sorted(fields)
        names = ", ".join(name.replace("_", " ") for name in self.fields)
        super().__init__(f"You may not fill in: {names}. Ask the doctor to do it.")


class ArchivedRecord(Conflict):
    """The record is archived, so nothing in it changes."""

    code = "archived"

    def __init__(self) -> None:
        super().__init__("This record is archived. Restore it before you change it.")


def readable_fields(user: User) -> frozenset[str]:
    """Return the names of the fields this person may read."""
    return _granted(READABLE_FIELDS, user)


def writable_fields(user: User) -> frozenset[str]:
    """Return the names of the fields this person may write."""
    return _granted(WRITABLE_FIELDS, user)


def _granted(table: dict[Permission, tuple[str, ...]], user: User) -> frozenset[str]:
    return frozenset(name for permission, names in table.items() if user.may(permission) for name in names)


def check_can_write(user: User, fields: Collection[str]) -> None:
    """Raise FieldNotWritable for fields this person's role may not write."""
    refused = set(fields) - writable_fields(user)
    if refused:
        raise FieldNotWritable(refused)


def check_can_register(user: User, doctor: User | None) -> User:
    """Return the doctor the new patient belongs to; raise NotAllowed.

    A doctor registers for themselves; everybody else names the doctor.
    """
    if not user.may(Permission.EDIT_PATIENTS):
        raise NotAllowed("You may not register patients.")
    if not user.may(Permission.VIEW_ALL_PATIENTS):
        if doctor is not None and doctor.pk != user.pk:
            raise NotAllowed("Register the patient for yourself, then share the record with your colleague.")
        return user
    if doctor is None:
        raise NotAllowed("Name the doctor the patient will see.", code="doctor_missing", status=400)
    check_is_doctor(doctor)
    return doctor


def check_is_doctor(person: User) -> None:
    """Raise NotAllowed unless the person is a doctor who works here."""
    if not (person.is_active and person.may(Permission.CONDUCT_SESSIONS)):
        raise NotAllowed("Choose a doctor who works here.", code="not_a_doctor", status=400)


def check_can_edit(user: User, patient: Patient) -> None:
    """Raise NotAllowed or ArchivedRecord unless this person may change the record now."""
    _check_in_scope(user, patient, Permission.EDIT_PATIENTS, "You may not change this record.")
    if patient.archived_at is not None:
        raise ArchivedRecord


def can_edit(user: User, patient: Patient) -> bool:
    return _passes(check_can_edit, user, patient)


def check_can_edit_clinical(user: User, patient: Patient) -> None:
    """Raise NotAllowed or ArchivedRecord unless this person may change the clinical part now."""
    _check_in_scope(user, patient, Permission.EDIT_CLINICAL, "Only a treating doctor changes the clinical part.")
    if patient.archived_at is not None:
        raise ArchivedRecord


def can_edit_clinical(user: User, patient: Patient) -> bool:
    return _passes(check_can_edit_clinical, user, patient)


def check_can_share(user: User, patient: Patient) -> None:
    """Raise NotAllowed unless this person may say who else opens the record."""
    _check_in_scope(
        user, patient, Permission.SHARE_PATIENTS, "Only the patient's doctor or an administrator shares it."
    )


def can_share(user: User, patient: Patient) -> bool:
    return _passes(check_can_share, user, patient)


def check_can_end_share(user: User, access: PatientAccess) -> None:
    """Raise NotAllowed or Conflict unless this person may end this access; only shares are ended by hand."""
    check_can_share(user, access.patient)
    if access.source not in {PatientAccess.Source.SHARED, PatientAccess.Source.HANDED_OVER}:
        raise Conflict("This doctor treats the patient. Only a share can be ended.", code="not_a_share")


def check_can_archive(user: User, patient: Patient) -> None:
    """Raise NotAllowed unless this person may archive and restore the record."""
    _check_in_scope(
        user, patient, Permission.SHARE_PATIENTS, "Only the patient's doctor or an administrator archives a record."
    )


def can_archive(user: User, patient: Patient) -> bool:
    return _passes(check_can_archive, user, patient)


def check_can_record_consent(user: User, patient: Patient) -> None:
    """Raise NotAllowed or ArchivedRecord unless this person may write down what the patient agreed to."""
    _check_in_scope(user, patient, Permission.RECORD_CONSENT, "You may not record consent.")
    if patient.archived_at is not None:
        raise ArchivedRecord


def can_record_consent(user: User, patient: Patient) -> bool:
    return _passes(check_can_record_consent, user, patient)


def check_can_withdraw_consent(user: User, patient: Patient) -> None:
    """Raise NotAllowed; a withdrawal is taken even when the record is archived."""
    _check_in_scope(user, patient, Permission.RECORD_CONSENT, "You may not record consent.")


def _check_in_scope(user: User, patient: Patient, permission: Permission, refusal: str) -> None:
    if not user.may(permission):
        raise NotAllowed(refusal)
    if not Patient.objects.visible_to(user).filter(pk=patient.pk).exists():
        raise NotAllowed("This patient is not yours. Ask the colleague who sees them to share the record.")


def _passes(check: Any, user: User, patient: Patient) -> bool:
    try:
        check(user, patient)
    except (NotAllowed, Conflict):
        return False
    return True

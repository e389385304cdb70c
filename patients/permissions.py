"""Who may do what with a patient they can see, and which fields each capability opens.

Each rule is a pair: `check_…` raises with the reason, `can_…` asks.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from patients.models import Patient, PatientAccess, PatientMerge
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

    def __init__(self, before: str = "you change it") -> None:
        super().__init__(f"This record is archived. Restore it before {before}.")


class MergedRecord(Conflict):
    """The record was merged into another one of the same person, which takes its place."""

    code = "merged"

    def __init__(self, kept_number: str) -> None:
        super().__init__(f"This record was merged into {kept_number}. Go on there.")


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
    check_is_in_use(patient)


def can_edit(user: User, patient: Patient) -> bool:
    return _passes(check_can_edit, user, patient)


def check_can_edit_clinical(user: User, patient: Patient) -> None:
    """Raise NotAllowed or ArchivedRecord unless this person may change the clinical part now."""
    _check_in_scope(user, patient, Permission.EDIT_CLINICAL, "Only a treating doctor changes the clinical part.")
    check_is_in_use(patient)


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
    if not access.can_be_ended:
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
    check_is_in_use(patient)


def can_record_consent(user: User, patient: Patient) -> bool:
    return _passes(check_can_record_consent, user, patient)


def check_is_in_use(patient: Patient, *, before: str = "you change it") -> None:
    """Raise MergedRecord or ArchivedRecord when nothing new may come into a record; `before` ends the sentence."""
    if patient.merged_into is not None:
        raise MergedRecord(patient.merged_into.patient_id)
    if patient.archived_at is not None:
        raise ArchivedRecord(before)


def check_can_merge(user: User, kept: Patient, other: Patient) -> None:
    """Raise NotAllowed unless both records are this person's to open, and Conflict when they cannot become one."""
    for patient in (kept, other):
        _check_in_scope(
            user, patient, Permission.SHARE_PATIENTS, "Only the doctor of both records or an administrator merges them."
        )
    if kept.pk == other.pk:
        raise Conflict("This is the same record. Choose the other one.", code="same_record")
    for patient in (kept, other):
        check_is_in_use(patient, before="you merge it")
    if other.merged_records.exists():
        raise Conflict(
            f"{other.patient_id} already holds another record of this person. Keep {other.patient_id} and merge "
            f"{kept.patient_id} into it.",
            code="holds_others",
        )


def check_can_undo_merge(user: User, merge: PatientMerge, *, at: datetime) -> None:
    """Raise NotAllowed, and Conflict when the merge was undone or its time is over."""
    for patient in (merge.kept, merge.merged):
        _check_in_scope(
            user, patient, Permission.SHARE_PATIENTS, "Only the doctor of both records or an administrator parts them."
        )
    if merge.undone_at is not None:
        raise Conflict("This merge was undone already.", code="undone")
    if at > merge.reversible_until:
        raise Conflict("The 30 days in which a merge can be undone are over.", code="too_late")


def can_undo_merge(user: User, merge: PatientMerge, *, at: datetime) -> bool:
    try:
        check_can_undo_merge(user, merge, at=at)
    except (NotAllowed, Conflict):
        return False
    return True


def check_can_hand_over(user: User, doctor: User) -> None:
    """Raise NotAllowed unless this person gives this doctor's patients away: the doctor, or an administrator."""
    if not user.may(Permission.SHARE_PATIENTS):
        raise NotAllowed("Only the patients' doctor or an administrator hands them over.")
    if not user.may(Permission.VIEW_ALL_PATIENTS) and doctor.pk != user.pk:
        raise NotAllowed("You hand over your own patients only. Ask an administrator.")


def can_hand_over(user: User, doctor: User) -> bool:
    try:
        check_can_hand_over(user, doctor)
    except NotAllowed:
        return False
    return True


def check_can_open_in_emergency(user: User) -> None:
    """Raise NotAllowed unless this person may open a record they have nothing to do with, in an emergency."""
    if not user.may(Permission.OPEN_IN_EMERGENCY):
        raise NotAllowed("Only a doctor opens a record in an emergency.")


def check_is_in_care(user: User, patient: Patient) -> None:
    """Raise NotAllowed where a record is open to this person for an emergency only: that is for reading."""
    if not Patient.objects.in_care_of(user).filter(pk=patient.pk).exists() and (
        Patient.objects.visible_to(user).filter(pk=patient.pk).exists()
    ):
        raise NotAllowed(
            "You opened this record in an emergency, for reading. To go on treating the patient, ask their doctor or an "
            "administrator to share the record.",
            code="emergency_only",
        )


def check_can_withdraw_consent(user: User, patient: Patient) -> None:
    """Raise NotAllowed; a withdrawal is taken even when the record is archived."""
    _check_in_scope(user, patient, Permission.RECORD_CONSENT, "You may not record consent.")


def _check_in_scope(user: User, patient: Patient, permission: Permission, refusal: str) -> None:
    if not user.may(permission):
        raise NotAllowed(refusal)
    if not Patient.objects.in_care_of(user).filter(pk=patient.pk).exists():
        check_is_in_care(user, patient)
        raise NotAllowed("This patient is not yours. Ask the colleague who sees them to share the record.")


def _passes(check: Any, user: User, patient: Patient) -> bool:
    try:
        check(user, patient)
    except (NotAllowed, Conflict):
        return False
    return True

"""Register, change, archive and share a patient's record, and say who may open it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from patients import permissions
from patients.consents import services as consents
from patients.finding import indexing
from patients.handover import services as handover
from patients.merging import accesses
from patients.models import Patient, PatientAccess
from synapse.accounts.choices import AudioRetention, NotificationEvent
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.services import notify
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError
from synapse.common.numbering import next_patient_number
from synapse.encryption import blind_index

PHONE_FIELDS = ("phone_primary", "phone_secondary", "emergency_contact_phone")

Source = PatientAccess.Source


class BadPhone(DomainError):
    """A phone number cannot be one; `field` names which."""

    code = "bad_phone"

    def __init__(self, field: str) -> None:
        super().__init__("Enter a phone number with its area code, or with + and the country code.")
        self.field = field


class StaleRecord(Conflict):
    """The record was changed after the person opened the form."""

    code = "stale"

    def __init__(self) -> None:
        super().__init__("This record was changed while you were editing it. Compare, then save again.")


def register_patient(fields: Mapping[str, Any], *, doctor: User | None = None, by: User, at: datetime) -> Patient:
    """Add a patient under the next number and open the record to its doctor.

    `doctor` is the doctor in charge: `by` when a doctor registers, else it must be named. Phones are stored as E.164.
    Raises NotAllowed, FieldNotWritable and BadPhone.
    """
    doctor = permissions.check_can_register(by, doctor)
    permissions.check_can_write(by, fields.keys())
    clinic = ClinicSettings.load()
    patient = Patient(**_clean(fields, clinic.region), created_by=by)
    indexing.set_hashes(patient)
    with unit_of_work():
        patient.patient_id = next_patient_number(clinic.date_of(at))
        patient.save(force_insert=True)
        indexing.write_tokens(patient)
        PatientAccess.objects.create(
            patient=patient, doctor=doctor, source=Source.REGISTERED, granted_at=at, granted_by=by
        )
        handover.follow_registration(patient, doctor, by=by, at=at)
        record(Action.CREATE, by=by, target=patient, patient_id=patient.pk, detail={"doctor": str(doctor.pk)})
    return patient


def update_patient(
    patient: Patient, changes: Mapping[str, Any], *, by: User, at: datetime, expected: datetime | None = None
) -> Patient:
    """Change fields and return the record as stored; the audit row holds the names of the fields that differ.

    `expected` is the `updated_at` the person's form was filled from. Raises NotAllowed, FieldNotWritable,
    ArchivedRecord, BadPhone, and StaleRecord when somebody else was faster.
    """
    permissions.check_can_edit(by, patient)
    permissions.check_can_write(by, changes.keys())
    values = _clean(changes, ClinicSettings.load().region)
    with unit_of_work():
        patient = _locked(patient)
        if expected is not None and patient.updated_at != expected:
            raise StaleRecord
        changed = sorted(name for name, value in values.items() if getattr(patient, name) != value)
        if changed:
            _store(patient, {name: values[name] for name in changed})
            record(Action.UPDATE, by=by, target=patient, patient_id=patient.pk, detail={"fields": changed})
    return patient


def append_clinical_facts(
    patient: Patient,
    *,
    medications: Iterable[str] = (),
    allergies: Iterable[str] = (),
    diagnoses: Iterable[str] = (),
    by: User,
    at: datetime,
) -> dict[str, list[str]]:
    """Add what a doctor ticked after signing to the record; what is there already is not added twice.

    Medications and diagnoses (into the medical history) become lines, allergies entries of the comma list. Return
    what was added, by field name. Raises NotAllowed and ArchivedRecord.
    """
    permissions.check_can_edit_clinical(by, patient)
    with unit_of_work():
        patient = _locked(patient)
        known = {
            "current_medications": patient.current_medications.splitlines(),
            "allergies": patient.allergy_list,
            "medical_history": patient.medical_history.splitlines(),
        }
        # A comma inside one allergy would make it two.
        facts = {
            "current_medications": medications,
            "allergies": [allergy.replace(",", ";") for allergy in allergies],
            "medical_history": diagnoses,
        }
        added = {name: new for name, lines in facts.items() if (new := _missing_from(known[name], lines))}
        if added:
            _store(
                patient,
                {
                    name: (", " if name == "allergies" else "\n").join([*filter(None, known[name]), *new])
                    for name, new in added.items()
                },
            )
            record(
                Action.UPDATE,
                by=by,
                target=patient,
                patient_id=patient.pk,
                detail={"verb": "append_clinical_facts", "fields": sorted(added)},
            )
    return added


def set_audio_retention(patient: Patient, *, rule: str, days: int | None, by: User, at: datetime) -> Patient:
    """Set how long this patient's recordings are kept; an empty rule is the clinic's. Without consent to keep them the
    shorter rule of the clinic holds all the same.

    Raises NotAllowed, ArchivedRecord, and DomainError for an unknown rule or days that are missing.
    """
    permissions.check_can_edit_clinical(by, patient)
    if rule and rule not in AudioRetention:
        raise DomainError("Choose how long recordings are kept.", code="unknown_rule")
    if (rule == AudioRetention.DAYS) != (days is not None):
        raise DomainError("Say after how many days recordings are deleted.", code="days_missing")
    with unit_of_work():
        patient = _locked(patient)
        if (patient.audio_retention, patient.audio_retention_days) != (rule, days):
            _store(patient, {"audio_retention": rule, "audio_retention_days": days})
            detail = {"verb": "set_audio_retention", "rule": rule or "clinic", **({"days": days} if days else {})}
            record(Action.UPDATE, by=by, target=patient, patient_id=patient.pk, detail=detail)
    return patient


def archive_patient(patient: Patient, *, by: User, at: datetime) -> Patient:
    """Hide a record from lists and searches; it is still read by its address. Raises NotAllowed and Conflict."""
    permissions.check_can_archive(by, patient)
    with unit_of_work():
        patient = _locked(patient)
        if patient.archived_at is not None:
            raise Conflict("This record is archived already.", code="archived")
        if patient.merged_records.exists():
            raise Conflict(
                "This record holds another one of the same person. Undo that merge before you archive it.",
                code="holds_others",
            )
        patient.archived_at, patient.archived_by = at, by
        patient.save(update_fields=["archived_at", "archived_by", "updated_at"])
        consents.end_requests(patient, by=by, at=at)
        record(Action.ARCHIVE, by=by, target=patient, patient_id=patient.pk)
    return patient


def restore_patient(patient: Patient, *, by: User, at: datetime) -> Patient:
    """Bring an archived record back into lists. Raises NotAllowed and Conflict."""
    permissions.check_can_archive(by, patient)
    with unit_of_work():
        patient = _locked(patient)
        if patient.archived_at is None:
            raise Conflict("This record is not archived.", code="not_archived")
        if patient.merged_into is not None:
            raise permissions.MergedRecord(patient.merged_into.patient_id)
        patient.archived_at, patient.archived_by = None, None
        patient.save(update_fields=["archived_at", "archived_by", "updated_at"])
        record(Action.UPDATE, by=by, target=patient, patient_id=patient.pk, detail={"verb": "restore"})
    return patient


def share_patient(patient: Patient, *, doctor: User, by: User, at: datetime) -> PatientAccess:
    """Open the record to another doctor. Raises NotAllowed, and Conflict when that doctor may open it already."""
    permissions.check_can_share(by, patient)
    permissions.check_is_doctor(doctor)
    permissions.check_is_in_use(patient)
    with unit_of_work():
        _locked(patient)
        if patient.accesses.treating().filter(doctor=doctor).exists():
            raise Conflict("This doctor can open the record already.", code="already_shared")
        access = PatientAccess.objects.create(
            patient=patient, doctor=doctor, source=Source.SHARED, granted_at=at, granted_by=by
        )
        accesses.record_access(access, "share", by=by)
        accesses.align_accesses(patient, by=by, at=at)
        notify(doctor, NotificationEvent.PATIENT_SHARED)
    return access


def end_share(access: PatientAccess, *, by: User, at: datetime) -> PatientAccess:
    """Close a share. Raises NotAllowed, and Conflict when it is no share or has ended."""
    permissions.check_can_end_share(by, access)
    with unit_of_work():
        if not end_access(access.patient, doctor=access.doctor, source=access.source, by=by, at=at):
            raise Conflict("This share has ended already.", code="share_ended")
    access.ended_at = at
    return access


def grant_access(
    patient: Patient, *, doctor: User, source: str, by: User, at: datetime, held_at: datetime | None = None
) -> PatientAccess:
    """Open the record to a doctor because of what another app did (a booking, a session); once per reason.

    The caller has checked that `by` may do that. A session also sets when the patient was last seen. While the doctor
    only stands in for a colleague, what is `held_at` a time within the cover (now when not given) opens the record
    until the cover ends. Raises MergedRecord: nothing new comes into a record that gave way to another; and NotAllowed
    where an emergency alone opens the record to `by`, who would make it theirs for good.
    """
    permissions.check_is_in_care(by, patient)
    with unit_of_work():
        merged_into = Patient.objects.filter(merged_records=patient.pk).values_list("patient_id", flat=True).first()
        if merged_into is not None:
            raise permissions.MergedRecord(merged_into)
        until = _cover_until(patient, doctor, held_at or at)
        held = patient.accesses.open().filter(doctor=doctor, source=source).first()
        if held is None:
            accesses.close_expired(patient, doctor, at=at)
            access = PatientAccess.objects.create(
                patient=patient, doctor=doctor, source=source, granted_at=at, granted_by=by, expires_at=until
            )
            accesses.record_access(access, "grant", by=by)
            accesses.align_accesses(patient, by=by, at=at)
        else:
            access = held
            accesses.keep_access(access)
            if access.expires_at is not None and until is None:
                access.expires_at = None
                access.save(update_fields=["expires_at", "updated_at"])
                accesses.record_access(access, "grant", by=by)
        if source == Source.SEEN:
            # Not an edit: a form somebody has open stays fresh.
            Patient.objects.filter(pk=patient.pk).update(last_seen_at=at)
            patient.last_seen_at = at
    return access


def _cover_until(patient: Patient, doctor: User, held_at: datetime) -> datetime | None:
    """Return when a cover that is the doctor's only reason ends, if what is held then falls into it."""
    ends = list(patient.accesses.treating().filter(doctor=doctor).values_list("expires_at", flat=True))
    until = max((end for end in ends if end is not None), default=None)
    if until is None or None in ends:
        return None
    return until if held_at < until else None


def set_last_seen(patient: Patient, at: datetime | None) -> None:
    """Set when a patient was last seen, or that they never were: a session was moved between records."""
    Patient.objects.filter(pk=patient.pk).update(last_seen_at=at)
    patient.last_seen_at = at


def end_access(patient: Patient, *, doctor: User, source: str, by: User | None, at: datetime) -> bool:
    """Close a doctor's access of one source, on every record of the person; return whether one was open.

    The caller has checked the right to.
    """
    with unit_of_work():
        held = PatientAccess.objects.select_for_update(of=("self",)).filter(
            patient__in=patient.records(), doctor=doctor, source=source, ended_at=None
        )
        ended = list(held.select_related("patient"))
        for access in ended:
            accesses.end(access, by=by, at=at)
    return bool(ended)


def _clean(fields: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the values as they are stored: trimmed text, E.164 phones, a tag once."""
    values: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "tags":
            values[name] = list(dict.fromkeys(filter(None, (str(tag).strip() for tag in value))))
        elif name in PHONE_FIELDS and value:
            phone = blind_index.normalise_phone(str(value), region)
            if phone is None:
                raise BadPhone(name)
            values[name] = phone
        else:
            # Browsers send line ends as CR LF; stored text has LF.
            values[name] = value.strip().replace("\r\n", "\n") if isinstance(value, str) else value
    return values


def _locked(patient: Patient) -> Patient:
    return Patient.objects.select_for_update().get(pk=patient.pk)


def _store(patient: Patient, values: Mapping[str, Any]) -> None:
    """Save fields that differ, with the hashes and tokens made from them."""
    for name, value in values.items():
        setattr(patient, name, value)
    columns = [*values, "updated_at"]
    if not indexing.INDEXED_FIELDS.isdisjoint(values):
        indexing.set_hashes(patient)
        indexing.write_tokens(patient)
        columns += indexing.HASH_COLUMNS
    patient.save(update_fields=columns)


def _missing_from(known: Iterable[str], lines: Iterable[str]) -> list[str]:
    """Return the new lines, trimmed, that are not known by the same words."""
    seen = {line.strip().casefold() for line in known}
    new = []
    for line in (" ".join(line.split()) for line in lines):
        if line and line.casefold() not in seen:
            seen.add(line.casefold())
            new.append(line)
    return new

"""Show two records of one person as one, and take it back within 30 days.

The other record keeps its rows and points to the kept one (`Patient.merged_into`); whoever asks for a patient's rows
asks with `patient__in=patient.records()`. Signed reports and their chain stay as they were sealed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import models

from patients import permissions
from patients.consents import services as consents
from patients.finding import indexing
from patients.merging import accesses
from patients.models import Patient, PatientMerge
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import DomainError

REVERSIBLE_FOR = timedelta(days=30)

KEPT, OTHER, BOTH = "kept", "other", "both"
CHOSEN_FIELDS = (*permissions.IDENTITY_FIELDS, *permissions.CLINICAL_FIELDS)
# What the person said on either record holds: nothing said about health is lost by leaving a choice as it is.
JOINED_FIELDS = frozenset(permissions.CLINICAL_FIELDS)


class ReasonMissing(DomainError):
    """A merge needs its reason."""

    code = "reason_missing"


@dataclass(frozen=True)
class FieldChoice:
    """What two records say in one field; `default` is the choice that loses nothing."""

    name: str
    kept: Any
    other: Any
    default: str

    @property
    def can_join(self) -> bool:
        return self.name in JOINED_FIELDS and bool(self.kept) and bool(self.other)


def compare_records(kept: Patient, other: Patient) -> list[FieldChoice]:
    """Return the fields in which two records differ, in the order of the form."""
    return [
        FieldChoice(name, getattr(kept, name), getattr(other, name), _default_choice(kept, other, name))
        for name in CHOSEN_FIELDS
        if getattr(kept, name) != getattr(other, name)
    ]


def merge_records(
    kept: Patient, other: Patient, *, choices: Mapping[str, str], reason: str, by: User, at: datetime
) -> PatientMerge:
    """Let `kept` stand for both records; the other one is archived and points to it.

    `choices` says per field whose value stays: "kept", "other", or "both" joined; a field without a choice takes the
    one that loses nothing. Doctors of either record may open both. Raises NotAllowed, Conflict and ReasonMissing.
    """
    if not reason.strip():
        raise ReasonMissing("Say how you know that both records are of the same person.")
    with unit_of_work():
        kept, other = _locked(kept), _locked(other)
        permissions.check_can_merge(by, kept, other)
        merge = PatientMerge.objects.create(
            kept=kept,
            merged=other,
            reason=reason.strip(),
            replaced_fields=_take_over(kept, other, choices),
            merged_by=by,
            merged_at=at,
            reversible_until=at + REVERSIBLE_FOR,
        )
        other.merged_into, other.archived_at, other.archived_by = kept, at, by
        other.save(update_fields=["merged_into", "archived_at", "archived_by", "updated_at"])
        consents.end_requests(other, by=by, at=at)
        _index(kept)
        accesses.align_accesses(kept, by=by, at=at)
        _record(merge, by=by, verbs=("merge_in", "merge_away"))
    return merge


def undo_merge(merge: PatientMerge, *, by: User, at: datetime) -> PatientMerge:
    """Part two records again; raises NotAllowed and Conflict.

    Fields go back where they still hold what the merge put there. What the merge opened is closed. What was written
    meanwhile stays with the record it was written on.
    """
    with unit_of_work():
        merge = PatientMerge.objects.select_for_update(of=("self",)).select_related("kept", "merged").get(pk=merge.pk)
        permissions.check_can_undo_merge(by, merge, at=at)
        kept, other = _locked(merge.kept), _locked(merge.merged)
        accesses.close_granted(kept.pk, by=by, at=at)
        other.merged_into, other.archived_at, other.archived_by = None, None, None
        other.save(update_fields=["merged_into", "archived_at", "archived_by", "updated_at"])
        for name, values in merge.replaced_fields.items():
            if _encode(getattr(kept, name)) == values["now"]:
                setattr(kept, name, _decode(kept, name, values["before"]))
        _index(kept)
        merge.undone_at, merge.undone_by = at, by
        merge.save(update_fields=["undone_at", "undone_by", "updated_at"])
        # Further records of this person stay merged, and open to the same doctors.
        accesses.align_accesses(kept, by=by, at=at)
        _record(merge, by=by, verbs=("part_from", "part_away"))
    return merge


def merges_of(patient: Patient) -> list[PatientMerge]:
    """Return the merges that stand into this record, the latest first."""
    standing = patient.merges.filter(undone_at=None).select_related("kept", "merged", "merged_by")
    return list(standing.order_by("-merged_at"))


def _default_choice(kept: Patient, other: Patient, name: str) -> str:
    if not getattr(other, name):
        return KEPT
    if not getattr(kept, name):
        return OTHER
    return BOTH if name in JOINED_FIELDS else KEPT


def _take_over(kept: Patient, other: Patient, choices: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Put the chosen values on the kept record; return name to what it said before and says now."""
    values = {
        choice.name: _chosen(choice, choices.get(choice.name, choice.default))
        for choice in compare_records(kept, other)
    }
    if not kept.audio_retention and other.audio_retention:
        values |= {"audio_retention": other.audio_retention, "audio_retention_days": other.audio_retention_days}
    # Who asked for no more messages under one name gets none under the other.
    if kept.messages_stopped_at is None:
        values["messages_stopped_at"] = other.messages_stopped_at
    if not kept.message_channel:
        values["message_channel"] = other.message_channel
    values["last_seen_at"] = max(filter(None, [kept.last_seen_at, other.last_seen_at]), default=None)
    replaced = {}
    for name, value in values.items():
        before = getattr(kept, name)
        if before != value:
            replaced[name] = {"before": _encode(before), "now": _encode(value)}
            setattr(kept, name, value)
    return replaced


def _chosen(choice: FieldChoice, answer: str) -> Any:
    if answer == OTHER:
        return choice.other
    if answer == BOTH and choice.can_join:
        return _joined(choice)
    return choice.kept


def _joined(choice: FieldChoice) -> Any:
    """Return the entries of both, each once: tags, allergies between commas, the others by line."""
    if choice.name == "tags":
        return list(dict.fromkeys([*choice.kept, *choice.other]))
    mark, glue = (",", ", ") if choice.name == "allergies" else ("\n", "\n")
    entries: dict[str, str] = {}
    for text in (choice.kept, choice.other):
        for entry in filter(None, (part.strip() for part in text.split(mark))):
            entries.setdefault(entry.casefold(), entry)
    return glue.join(entries.values())


def _encode(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _decode(patient: Patient, name: str, value: Any) -> Any:
    field = patient._meta.get_field(name)
    assert isinstance(field, models.Field)  # only columns are taken over
    return field.to_python(value)


def _index(patient: Patient) -> None:
    indexing.set_hashes(patient)
    patient.save()
    indexing.write_tokens(patient)


def _locked(patient: Patient) -> Patient:
    return Patient.objects.select_for_update().get(pk=patient.pk)


def _record(merge: PatientMerge, *, by: User, verbs: tuple[str, str]) -> None:
    """Write one row into the trail of each record: both were touched."""
    for patient, other, verb in ((merge.kept, merge.merged, verbs[0]), (merge.merged, merge.kept, verbs[1])):
        detail = {"verb": verb, "record": other.patient_id, "merge": str(merge.pk)}
        record(Action.UPDATE, by=by, target=patient, patient_id=patient.pk, detail=detail)

"""What an administrator does about a finding, and how findings read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from patients.models import Patient
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import DomainError, NotAllowed
from synapse.common.transitions import advance
from synapse.oversight.models import AccessAlert, AlertSettings
from synapse.oversight.models.alerts import Rule

Status = AccessAlert.Status

# What a finding says; {n} is what its rule counted.
WORDS = {
    Rule.MANY_PATIENTS: "opened {n} charts within an hour",
    Rule.SAME_NAME: "opened the record of a patient with the same surname",
    Rule.NIGHT: "opened {n} records at night",
    Rule.COLLEAGUE: "opened the record of a patient who works here",
    Rule.REFUSALS: "was refused {n} times within an hour",
    Rule.SIGN_INS: "{n} failed sign-ins within an hour",
    Rule.EXPORTS: "took {n} documents out within an hour",
    Rule.AFTER_END: "went to a record after access to it had ended",
}


@dataclass(frozen=True)
class Shown:
    """One finding in words."""

    alert: AccessAlert
    who: str
    role: str
    said: str
    patient_number: str


def describe(alerts: Iterable[AccessAlert]) -> list[Shown]:
    """Put findings into words, with two queries whatever their number."""
    alerts = list(alerts)
    people = User.objects.in_bulk({alert.actor_id for alert in alerts if alert.actor_id})
    patients = Patient.objects.only("patient_id").in_bulk({alert.patient_id for alert in alerts if alert.patient_id})
    shown = []
    for alert in alerts:
        person = people.get(alert.actor_id) if alert.actor_id else None
        patient = patients.get(alert.patient_id) if alert.patient_id else None
        shown.append(
            Shown(
                alert=alert,
                who=person.display_name if person else alert.actor_label or alert.address or "Unknown address",
                role=person.get_role_display() if person else "",
                said=WORDS[Rule(alert.rule)].format(n=alert.number).replace("1 records", "a record"),
                patient_number=patient.patient_id if patient else "",
            )
        )
    return shown


def decide(alert: AccessAlert, to: str, *, note: str, by: User, at: datetime) -> AccessAlert:
    """Mark a finding as seen, explained or escalated; the last two with what was found out.

    Raises NotAllowed, InvalidTransition and DomainError.
    """
    _check(by)
    if alert.actor_id == by.pk:
        raise NotAllowed("This is about your own access. A colleague has to judge it.")
    note = note.strip()
    if to != Status.SEEN and not note:
        raise DomainError("Write down what you found out.", code="note_missing")
    with unit_of_work():
        advance(alert, to, at=at, handled_by=by, handled_at=at, note=note or alert.note)
        detail = {"verb": to, "rule": alert.rule}
        record(Action.ADMINISTER, by=by, target=alert, patient_id=alert.patient_id, detail=detail)
    return alert


def update_rules(values: dict[str, Any], *, by: User) -> AlertSettings:
    """Change what stands out from when on. Raises NotAllowed."""
    _check(by)
    with unit_of_work():
        rules = AlertSettings.load()
        changed = [name for name, value in values.items() if getattr(rules, name) != value]
        for name in changed:
            setattr(rules, name, values[name])
        if changed:
            rules.save(update_fields=changed)
            record(Action.ADMINISTER, by=by, target=rules, detail={"fields": changed})
    return rules


def _check(by: User) -> None:
    if not by.may(Permission.VIEW_AUDIT):
        raise NotAllowed("Only administrators look after access.")

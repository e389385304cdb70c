"""Learned style: rules proposed from a doctor's edits, switched on and off by her, removed and restored."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from reports import permissions
from reports.content import find_sentence, walk
from reports.models import Report, StyleRule
from reports.services import history
from reports.style import learning as style_learning
from reports.style.learning import Edit, KeptLine
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, NotAllowed

REPORTS_READ = 60  # the latest ones of a doctor
LOOK_BACK = timedelta(days=2)


def learn_rules(doctor: User, *, at: datetime) -> list[StyleRule]:
    """Propose what the doctor's edits agree on; return the new proposals. Rules she removed are not proposed again."""
    reports = list(
        Report.objects.filter(session__doctor=doctor, manually_edited=True, erased_at=None)
        .select_related("session__patient", "template")
        .order_by("-updated_at")[:REPORTS_READ]
    )
    edits = [edit for report in reports for edit in _edits_of(report, doctor)]
    kept = [line for report in reports for line in _kept_of(report)]
    proposals = style_learning.learn(edits, kept)
    with unit_of_work():
        known = {_key(rule.kind, rule.rule): rule for rule in StyleRule.objects.filter(doctor=doctor)}
        fresh: list[StyleRule] = []
        for proposal in proposals:
            rule = known.get(_key(proposal.kind, proposal.rule))
            sources = [_source(edit) for edit in proposal.edits[: style_learning.MOST_SOURCES]]
            if rule is None:
                rule = StyleRule(doctor=doctor, kind=proposal.kind, rule=proposal.rule, sources=sources)
                rule.template_id = proposal.template or None
                rule.save(force_insert=True)
                record(Action.CREATE, by=None, target=rule, detail={"verb": "propose_rule"})
                fresh.append(rule)
            elif rule.sources != sources:
                rule.sources = sources
                rule.save(update_fields=["sources", "updated_at"])
    return fresh


def learn_all(at: datetime) -> None:
    """Look at what doctors edited lately: a sweep."""
    edited = Report.objects.filter(manually_edited=True, updated_at__gte=at - LOOK_BACK)
    for doctor in User.objects.filter(pk__in=edited.values("session__doctor")):
        learn_rules(doctor, at=at)


def switch_rule(rule: StyleRule, *, is_on: bool, by: User, at: datetime) -> StyleRule:
    """Use a rule for what is written from now on, or stop using it. Raises NotAllowed and Conflict."""
    _check_own(rule, by)
    if rule.removed_at is not None:
        raise Conflict("This rule was removed. Restore it first.")
    return _save(rule, by=by, verb="switch_on" if is_on else "switch_off", is_on=is_on)


def remove_rule(rule: StyleRule, *, by: User, at: datetime) -> StyleRule:
    """Take a rule back: it is not used and not proposed again until it is restored. Raises NotAllowed."""
    _check_own(rule, by)
    return _save(rule, by=by, verb="remove_rule", is_on=False, removed_at=at)


def restore_rule(rule: StyleRule, *, by: User, at: datetime) -> StyleRule:
    """Bring a removed rule back, switched off. Raises NotAllowed."""
    _check_own(rule, by)
    return _save(rule, by=by, verb="restore_rule", removed_at=None)


def _save(rule: StyleRule, *, by: User, verb: str, **values: Any) -> StyleRule:
    with unit_of_work():
        for name, value in values.items():
            setattr(rule, name, value)
        rule.save(update_fields=[*values, "updated_at"])
        record(Action.UPDATE, by=by, target=rule, detail={"verb": verb})
    return rule


def _check_own(rule: StyleRule, by: User) -> None:
    permissions.check_can_write(by)
    if rule.doctor_id != by.pk:
        raise NotAllowed("This rule belongs to a colleague.")


def _edits_of(report: Report, doctor: User) -> Iterator[Edit]:
    """Yield what the doctor made of each line a machine wrote."""
    entries = [entry for entry in history.in_effect(report.manual_corrections) if entry["by"] == str(doctor.pk)]
    first: dict[str, history.Entry] = {}
    removed: set[str] = set()
    for entry in entries:
        before = entry["before"]
        if before and before["origin"] == "ai" and entry["verb"] in ("edit", "layout", "remove"):
            first.setdefault(entry["sentence"], entry)
        if entry["verb"] == "remove":
            removed.add(entry["sentence"])
    titles = {section["id"]: section["title"] for section in walk(report.structured_data)}
    names = _names_of(report)
    for sentence_id, entry in first.items():
        place = find_sentence(report.structured_data, sentence_id)
        if place is None and sentence_id not in removed:
            continue
        yield Edit(
            report=str(report.pk),
            sentence=sentence_id,
            template=str(report.template_id),
            section=titles.get(entry["section"], ""),
            before=entry["before"]["text"],
            after=place.sentence["text"] if place is not None else None,
            layout_before=entry["before"].get("layout", "prose"),
            layout_after=place.sentence.get("layout", "prose") if place is not None else "",
            names=names,
        )


def _kept_of(report: Report) -> Iterator[KeptLine]:
    for section in walk(report.structured_data):
        for line in section["sentences"]:
            if line["origin"] == "ai":
                yield KeptLine(section["title"], line["text"])


def _names_of(report: Report) -> frozenset[str]:
    patient = report.session.patient
    names = (patient.first_name, patient.last_name, patient.emergency_contact_name)
    return frozenset(word.lower() for name in names for word in (name or "").split())


def _source(edit: Edit) -> dict[str, Any]:
    return {"report": edit.report, "sentence": edit.sentence, "before": edit.before, "after": edit.after}


def _key(kind: str, rule: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    return kind, tuple(sorted((name, str(value).lower()) for name, value in rule.items()))

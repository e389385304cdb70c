"""A doctor's learned rules in words, with the edits they come from."""

from collections.abc import Container
from dataclasses import dataclass
from uuid import UUID

from reports.models import Report, StyleRule
from sessions_app.transcripts import wording
from synapse.accounts.models import User

_LAYOUTS = {"bullets": "Bullets in", "prose": "Running text in"}
_LENGTHS = {"shorter": "Shorter in", "fuller": "Fuller in"}


@dataclass(frozen=True)
class SourceView:
    """One edit a rule was learned from."""

    report: str
    parts: list[wording.Part]
    is_removed: bool


@dataclass(frozen=True)
class RuleView:
    """One rule as the page shows it."""

    pk: UUID
    words: str
    scope: str
    is_on: bool
    is_removed: bool
    learned_from: int
    sources: list[SourceView]


@dataclass(frozen=True)
class StylePage:
    """A doctor's rules, and the patients whose words the page quotes."""

    rules: list[RuleView]
    patients: set[UUID]


def rules_page(doctor: User) -> StylePage:
    """Return a doctor's rules: those in use, the proposals, those she removed.

    An edit is quoted only while its report is open to her and not erased; what was learned from it stays.
    """
    rules = StyleRule.objects.visible_to(doctor).select_related("template")
    ordered = sorted(rules, key=lambda rule: (rule.removed_at is not None, not rule.is_on, rule.created_at))
    quoted = {source["report"] for rule in ordered for source in rule.sources}
    open_reports = Report.objects.visible_to(doctor).filter(pk__in=quoted, erased_at=None)
    patient_of = {str(pk): patient for pk, patient in open_reports.values_list("pk", "session__patient_id")}
    return StylePage(
        rules=[_rule_view(rule, patient_of) for rule in ordered],
        patients=set(patient_of.values()),
    )


def _rule_view(rule: StyleRule, open_reports: Container[str]) -> RuleView:
    return RuleView(
        pk=rule.pk,
        words=rule_words(rule),
        scope=f"In {rule.template.name}" if rule.template else "In every template",
        is_on=rule.is_on,
        is_removed=rule.removed_at is not None,
        learned_from=len(rule.sources),
        sources=[_source(source) for source in rule.sources if source["report"] in open_reports],
    )


def rule_words(rule: StyleRule) -> str:
    """Say what a rule does."""
    values = rule.rule
    if rule.kind == StyleRule.Kind.WORDING:
        return f"Write “{values['to']}” instead of “{values['from']}”"
    if rule.kind == StyleRule.Kind.LAYOUT:
        return f"{_LAYOUTS[values['layout']]} {values['section']}"
    if rule.kind == StyleRule.Kind.LENGTH:
        return f"{_LENGTHS[values['length']]} {values['section']}"
    return f"Leave out lines in {values['section']} that begin “{values['opening']} …”"


def words_of_used(report: Report) -> list[str]:
    """Return the rules a report was written with, in words."""
    if not report.applied_rules:
        return []
    rules = StyleRule.objects.filter(pk__in=report.applied_rules).order_by("created_at")
    return [rule_words(rule) for rule in rules]


def _source(source: dict[str, str]) -> SourceView:
    parts = wording.around_changes(wording.compare(source["before"], source["after"] or ""), context=6)
    return SourceView(report=source["report"], parts=parts, is_removed=source["after"] is None)

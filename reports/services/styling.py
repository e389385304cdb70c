"""Learned style, applied: a doctor's rules to what any engine wrote, under the guard, and taken back in one report."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Q

from reports.content import Section, Sentence, find_section, find_sentence, walk
from reports.generation.base import GenerationRequest
from reports.generation.guard import guard_for
from reports.models import Report, ReportTemplate, StyleRule
from reports.services import history
from reports.services.arranging import LAYOUTS
from reports.services.store import change_draft
from reports.style import learning as style_learning
from reports.templating.structure import Section as TemplateSection
from synapse.accounts.models import User

Kind = StyleRule.Kind
_SUPPORT = {"confirmed": 3, "supported": 2, "partial": 1, "unsupported": 0}
_DETAILS = {"shorter": "concise", "fuller": "detailed"}
_QUOTED = re.compile(r"(“[^”]*”|\"[^\"]*\")")


def active_rules(doctor: User, template: ReportTemplate) -> list[StyleRule]:
    """Return the rules a doctor has switched on for a template, the oldest first."""
    of_template = Q(template=None) | Q(template__in=[one for one in (template.pk, template.parent_id) if one])
    rules = StyleRule.objects.filter(of_template, doctor=doctor, is_on=True, removed_at=None)
    return list(rules.order_by("created_at", "pk"))


def style_request(request: GenerationRequest, rules: Sequence[StyleRule]) -> GenerationRequest:
    """Return the request with the sections as long as the rules say; every engine reads a section's style."""
    return replace(request, sections=tuple(_styled(section, rules) for section in request.sections))


def apply_rules(
    sections: list[Section],
    rules: Sequence[StyleRule],
    request: GenerationRequest,
    *,
    doctor: User,
    at: datetime,
    leave: Collection[str] = (),
) -> tuple[list[history.Entry], list[str]]:
    """Change what an engine wrote as the rules say, in place; return entries for the report's log and the rules used.

    Citations stay. A line that would be less supported by them is left as it was written, and so is anything in
    quotation marks or about harm. Lines whose ids are in `leave` are the doctor's own.
    """
    check = guard_for(request.segments).check
    entries: list[history.Entry] = []
    used: list[str] = []

    def log(rule: StyleRule, section: Section, index: int, before: Sentence, after: Sentence | None) -> None:
        entries.append(
            {
                "sentence": before["id"],
                "section": section["id"],
                "index": index,
                "verb": history.STYLE,
                "before": before,
                "after": after,
                "by": str(doctor.pk),
                "at": at.isoformat(),
                "step": 0,
                "rule": str(rule.pk),
            }
        )

    for rule in rules:
        count = len(entries)
        _APPLY[rule.kind](rule, sections, _Work(request, check, frozenset(leave), log))
        by_length = rule.kind == Kind.LENGTH and any(_is_about(section, rule) for section in walk(sections))
        if len(entries) > count or by_length:
            used.append(str(rule.pk))
    return entries, used


def take_rules_back(report: Report, *, by: User, at: datetime) -> Report:
    """Undo for this report what the rules did to lines nobody changed since; a section's length stays as it was written.

    Raises NotAllowed and Conflict.
    """

    def change(draft: Report) -> bool:
        entries = [entry for entry in draft.manual_corrections if entry["verb"] == history.STYLE]
        if not draft.applied_rules:
            return False
        for entry in reversed(entries):
            _take_back(draft.structured_data, entry)
        draft.manual_corrections = [entry for entry in draft.manual_corrections if entry["verb"] != history.STYLE]
        draft.applied_rules = []
        return True

    return change_draft(report, change, verb="take_rules_back", by=by, at=at, also=["applied_rules"])


def _take_back(sections: list[Section], entry: history.Entry) -> None:
    place = find_sentence(sections, entry["sentence"])
    if entry["after"] is None:
        section = find_section(sections, entry["section"])
        if place is None and section is not None:
            section["sentences"].insert(min(entry["index"], len(section["sentences"])), entry["before"])
        return
    if place is not None and place.sentence["text"] == entry["after"]["text"]:
        line: Sentence = entry["before"].copy()
        line["evidence"] = place.sentence["evidence"]
        if place.sentence["support"] == "confirmed":
            line["support"] = "confirmed"
        place.section["sentences"][place.index] = line


@dataclass(frozen=True)
class _Work:
    """What a rule needs besides the sections: the request, the guard, whose lines to leave alone, where to note a change."""

    request: GenerationRequest
    check: Callable[..., Any]
    leave: frozenset[str]
    log: Callable[[StyleRule, Section, int, Sentence, Sentence | None], None]

    def may_change(self, line: Sentence) -> bool:
        return line["origin"] == "ai" and line["id"] not in self.leave


def _reword(rule: StyleRule, sections: list[Section], work: _Work) -> None:
    pattern = re.compile(rf"\b{re.escape(rule.rule['from'])}\b", re.IGNORECASE)
    for section in walk(sections):
        for index, line in enumerate(section["sentences"]):
            if not work.may_change(line) or style_learning.is_protected(line["text"]):
                continue
            text = _outside_quotes(line["text"], pattern, rule.rule["to"])
            if text == line["text"]:
                continue
            result = work.check(text, [place["segment"] for place in line["evidence"]])
            if _SUPPORT[result.support] < _SUPPORT[line["support"]]:
                continue
            before = line.copy()
            line["text"], line["support"] = text, result.support
            line["flags"] = [{"kind": flag.kind, "detail": flag.detail} for flag in result.flags]
            work.log(rule, section, index, before, line.copy())


def _lay_out(rule: StyleRule, sections: list[Section], work: _Work) -> None:
    wanted = LAYOUTS[rule.rule["layout"]]
    for section in _sections_about(sections, rule):
        for index, line in enumerate(section["sentences"]):
            if not work.may_change(line) or line.get("item") or line.get("cells"):
                continue
            if line.get("layout") in (wanted, "heading"):
                continue
            before = line.copy()
            line["layout"] = wanted
            work.log(rule, section, index, before, line.copy())


def _leave_out(rule: StyleRule, sections: list[Section], work: _Work) -> None:
    required = {section.id for section in work.request.sections if section.required}
    for section in _sections_about(sections, rule):
        for index, line in reversed(list(enumerate(section["sentences"]))):
            is_kind = style_learning.opening_of(line["text"]) == rule.rule["opening"]
            is_last = section["id"] in required and len(section["sentences"]) == 1
            if is_kind and not is_last and work.may_change(line) and not style_learning.is_protected(line["text"]):
                work.log(rule, section, index, section["sentences"].pop(index), None)


def _by_length(rule: StyleRule, sections: list[Section], work: _Work) -> None:
    """The engine wrote the section at that length: see `style_request`."""


def _sections_about(sections: list[Section], rule: StyleRule) -> list[Section]:
    """Return the sections a rule is about, with their subsections."""
    return [part for section in walk(sections) if _is_about(section, rule) for part in walk([section])]


def _is_about(section: Section, rule: StyleRule) -> bool:
    return bool(section["title"].lower() == str(rule.rule.get("section", "")).lower())


def _styled(section: TemplateSection, rules: Sequence[StyleRule]) -> TemplateSection:
    style = section.style
    for rule in rules:
        if str(rule.rule.get("section", "")).lower() != section.title.lower():
            continue
        if rule.kind == Kind.LENGTH:
            style = replace(style, detail=_DETAILS[rule.rule["length"]])
    return replace(section, style=style, subsections=tuple(_styled(part, rules) for part in section.subsections))


def _outside_quotes(text: str, pattern: re.Pattern[str], words: str) -> str:
    """Replace a phrase except in what is quoted, with a capital where one stood."""

    def swap(found: re.Match[str]) -> str:
        return words[:1].upper() + words[1:] if found.group()[:1].isupper() else words

    pieces = _QUOTED.split(text)
    return "".join(piece if _QUOTED.fullmatch(piece) else pattern.sub(swap, piece) for piece in pieces)


_APPLY: dict[str, Callable[[StyleRule, list[Section], _Work], None]] = {
    Kind.WORDING: _reword,
    Kind.LAYOUT: _lay_out,
    Kind.LENGTH: _by_length,
    Kind.LEAVE_OUT: _leave_out,
}

"""Verbs of a template whose source changed: take its changes over, all or by section, or keep one's own."""

from collections.abc import Collection
from datetime import datetime

from reports.models import ReportTemplate
from reports.services.templates import lock_template, store_content
from reports.templating.diff import take_over
from reports.templating.origin import changed_origin, content_of
from synapse.accounts.models import User
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict

GENERAL = "*"  # among the chosen: name, description and general instruction


class OriginUnchanged(Conflict):
    """There is nothing to take over, or no longer."""

    code = "origin_unchanged"


def take_over_changes(
    template: ReportTemplate, chosen: Collection[str] | None, *, by: User, at: datetime
) -> ReportTemplate:
    """Make the source's changes here as well: those of the chosen sections, or all when `chosen` is None.

    Whatever was not chosen counts as kept: the notice is gone until the source changes again. None chosen keeps one's
    own. Raises NotAllowed, OriginUnchanged and StructureError.
    """
    with unit_of_work():
        stored = lock_template(template, by=by)
        origin = changed_origin(stored, by)
        if origin is None:
            raise OriginUnchanged("There are no changes to take over any more.")
        if chosen is None:
            chosen = {GENERAL, *(change.section_id for change in origin.comparison.sections)}
        values = content_of(stored)
        values["structure"] = take_over(stored.structure, origin.now["structure"], chosen, origin.before["structure"])
        if GENERAL in chosen:
            values |= {
                name: origin.now[name]
                for name in ("name", "description", "ai_prompt")
                if origin.now[name] != origin.before[name]
            }
        for column, value in origin.taken_in.items():
            setattr(stored, column, value)
        stored.save(update_fields=[*origin.taken_in, "updated_at"])
        detail = {"verb": "take_over", "chosen": len(chosen), "of": origin.comparison.count}
        store_content(stored, values, by=by, at=at, detail=detail)
    return stored

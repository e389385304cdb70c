"""Keep the clinic's three letters about overdue bills."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing import permissions
from billing.models import BillingSettings, ReminderStage
from billing.reminders.texts import unknown_places
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import DomainError


class BadStages(DomainError):
    """The stages cannot follow each other like this, or a text cannot be filled in."""

    code = "bad_stages"


@dataclass(frozen=True)
class Wanted:
    """One stage as the clinic wants it."""

    stage: int
    days_late: int
    title: str
    text: str
    is_active: bool


def check_stages(wanted: Sequence[Wanted]) -> None:
    """Raise BadStages unless each sent stage comes later than the one before and every text can be filled in."""
    before: Wanted | None = None
    for stage in wanted:
        if unknown := unknown_places(f"{stage.title} {stage.text}"):
            raise BadStages(f"{' '.join(unknown)} in letter {stage.stage} cannot be filled in.")
        if not stage.is_active:
            continue
        if stage.days_late < 1:
            raise BadStages("A letter goes out a day after the due date at the earliest.")
        if before is not None and stage.days_late <= before.days_late:
            raise BadStages(f"Letter {stage.stage} has to go out later than letter {before.stage}.")
        before = stage


def store_stages(wanted: Sequence[Wanted], *, gap_days: int, by: User) -> None:
    """Keep the stages and the gap between any two letters; letters that went out keep what they say.

    Raises NotAllowed and BadStages.
    """
    permissions.check_can_set_prices(by)
    check_stages(wanted)
    with audit.unit_of_work():
        stages = {row.stage: row for row in ReminderStage.load_all()}
        for stage in wanted:
            row = stages[stage.stage]
            changed = [
                name
                for name in ("days_late", "title", "text", "is_active")
                if getattr(row, name) != getattr(stage, name)
            ]
            for name in changed:
                setattr(row, name, getattr(stage, name))
            if changed:
                row.save(update_fields=changed)
                audit.record(
                    Action.ADMINISTER, by=by, target=row, detail={"fields": sorted(changed), "stage": str(stage.stage)}
                )
        settings = BillingSettings.load()
        if settings.reminder_gap_days != gap_days:
            settings.reminder_gap_days = gap_days
            settings.save(update_fields=["reminder_gap_days"])
            audit.record(Action.ADMINISTER, by=by, target=settings, detail={"fields": ["reminder_gap_days"]})

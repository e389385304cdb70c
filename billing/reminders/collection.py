"""How far a bill is chased: the one way `collection_status` changes, like `advance` for the status."""

from datetime import datetime
from typing import Any

from billing.models import Bill
from synapse.common.errors import InvalidTransition

State = Bill.Collection
# What reminders go on for; a disputed, collected or written-off bill is left alone.
CHASED = (State.NONE, State.REMINDED)


def move(bill: Bill, to: str, *, at: datetime, **fields: Any) -> None:
    """Take a step of the table and set `fields` with it, in one conditional UPDATE. Raises InvalidTransition."""
    if to not in Bill.COLLECTION_TRANSITIONS[State(bill.collection_status)]:
        now, then = bill.get_collection_status_display().lower(), State(to).label.lower()
        raise InvalidTransition(f"Reminders of this bill stand at “{now}” and cannot become “{then}”.")
    values = {"collection_status": to, "updated_at": at, **fields}
    if not Bill.objects.filter(pk=bill.pk, collection_status=bill.collection_status).update(**values):
        raise InvalidTransition("Somebody else changed this in the meantime. Reload the page and try again.")
    for name, value in values.items():
        setattr(bill, name, value)


def resting_state(bill: Bill) -> str:
    """Return where a bill goes back to when nothing holds it any more: reminded if it ever was."""
    return State.REMINDED if bill.reminder_sent_count else State.NONE

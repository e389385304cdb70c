"""How a status looks: colour, icon and word. The word is the choice's label; equal meanings look equal."""

from typing import NamedTuple

from django.db.models import Model


class Look(NamedTuple):
    """Colour class, icon name and word of one status."""

    kind: str
    icon: str
    word: str


LOOKS: dict[str, tuple[str, str]] = {
    "pending": ("", "clock"),
    "scheduled": ("", "calendar-event"),
    "confirmed": ("info", "check"),
    "rescheduled": ("", "repeat"),
    "no_show": ("rec", "user"),
    "in_progress": ("rec", "microphone"),
    "paused": ("warn", "player-pause"),
    "completed": ("ok", "circle-check"),
    "cancelled": ("", "ban"),
    "error": ("rec", "alert-triangle"),
    "failed": ("rec", "alert-triangle"),
    "processing": ("info", "hourglass"),
    "generating": ("violet", "sparkles"),
    "no_speech": ("warn", "ear"),
    "signed": ("ok", "writing-sign"),
    "sent": ("info", "mail"),
    "partially_paid": ("warn", "cash"),
    "paid": ("ok", "circle-check"),
    "overdue": ("rec", "clock"),
    "refunded": ("", "receipt-refund"),
    "prepared": ("", "file-text"),
    "accepted": ("info", "check"),
    "denied": ("rec", "ban"),
    "live": ("ok", "shield-check"),
    "withdrawn": ("rec", "ban"),
    "expired": ("warn", "clock"),
    "declined": ("rec", "ban"),
    "delivered": ("ok", "circle-check"),
    "dead": ("rec", "alert-triangle"),
}
# A draft report waits for its doctor, so a written one is not yet "done" in green.
SPECIAL: dict[tuple[str, str], tuple[str, str]] = {
    ("claim", "sent"): ("info", "send"),
    ("claim", "withdrawn"): ("", "ban"),
    ("claim", "to_patient"): ("warn", "user"),
    ("report", "completed"): ("warn", "writing-sign"),
    ("report", "pending"): ("violet", "clock"),
}
WORDS: dict[tuple[str, str], str] = {
    ("report", "completed"): "To sign",
    ("report", "pending"): "Waiting to be written",
    ("report", "generating"): "Being written",
    ("consultationsession", "in_progress"): "In progress",
}


def look_of(obj: Model) -> Look:
    """Return the look of a row's status; a status without one shows its word in grey."""
    status = str(getattr(obj, "status"))  # noqa: B009 -- Model itself has no status
    key = (obj._meta.model_name or "", status)
    kind, icon = SPECIAL.get(key) or LOOKS.get(status, ("", "circle-dashed"))
    label = getattr(obj, "get_status_display", None)
    return Look(kind, icon, WORDS.get(key) or (str(label()) if label else status.replace("_", " ")))

"""No doctor, no patient and no room has two active visits at once: the rule as the database keeps it.

PostgreSQL has exclusion constraints for it (see `0002_no_overlap` and `0004_no_room_overlap`). SQLite has none: there a trigger
refuses, and services check inside an IMMEDIATE transaction, so nobody else writes between check and insert.
"""

from synapse.common.triggers import Trigger

DOCTOR_OVERLAP = "appointment_doctor_overlap"
PATIENT_OVERLAP = "appointment_patient_overlap"
ROOM_OVERLAP = "appointment_room_overlap"

_COLUMNS = {DOCTOR_OVERLAP: "doctor_id", PATIENT_OVERLAP: "patient_id", ROOM_OVERLAP: "room_id"}
_ACTIVE = "('scheduled', 'confirmed', 'completed')"


def _overlaps(column: str) -> str:
    return (
        f"NEW.status IN {_ACTIVE} AND NOT NEW.overbooked AND EXISTS (SELECT 1 FROM scheduling_appointment AS other "  # noqa: S608
        f"WHERE other.id <> NEW.id AND other.{column} = NEW.{column} AND other.status IN {_ACTIVE} "
        "AND NOT other.overbooked AND other.scheduled_at < NEW.ends_at AND other.ends_at > NEW.scheduled_at)"
    )


TRIGGERS = [
    Trigger(
        name=f"{name}_{event.lower()}",
        model="scheduling.Appointment",
        event=event,
        message=name,
        when=_overlaps(column),
        vendor="sqlite",
    )
    for name, column in _COLUMNS.items()
    for event in ("INSERT", "UPDATE")
]

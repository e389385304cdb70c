"""The clinic's rooms, and how long its visits are."""

from datetime import datetime

from scheduling import permissions
from scheduling.availability.slots import LONGEST_BUFFER
from scheduling.changes import calendar_changed
from scheduling.models import Appointment, Room, VisitDefault
from scheduling.services.slot_checks import check_length
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError


def add_room(name: str, *, by: User, at: datetime) -> Room:
    """Add a room. Raises NotAllowed and Conflict."""
    permissions.check_can_plan_clinic(by)
    with audit.unit_of_work():
        _check_name(name)
        room = Room.objects.create(name=name.strip())
        audit.record(Action.CREATE, by=by, target=room)
    return room


def change_room(room: Room, *, name: str, is_active: bool, by: User, at: datetime) -> Room:
    """Rename a room, or take it out of use; visits that are planned in it keep it. Raises NotAllowed and Conflict."""
    permissions.check_can_plan_clinic(by)
    with audit.unit_of_work():
        _check_name(name, but=room)
        room.name, room.is_active = name.strip(), is_active
        room.save(update_fields=["name", "is_active", "updated_at"])
        audit.record(Action.UPDATE, by=by, target=room)
        calendar_changed()
    return room


def set_visit_default(
    appointment_type: str,
    *,
    doctor: User | None,
    duration_minutes: int,
    buffer_minutes: int,
    preparation_instructions: str = "",
    by: User,
    at: datetime,
) -> VisitDefault:
    """Say how long visits of a type are with a doctor, or with None in the clinic. Visits that stand keep theirs.

    Raises NotAllowed, BadTime and DomainError.
    """
    if doctor is None:
        permissions.check_can_plan_clinic(by)
    else:
        permissions.check_can_plan(by, doctor)
    check_length(duration_minutes)
    longest = int(LONGEST_BUFFER.total_seconds()) // 60
    if not 0 <= buffer_minutes <= longest:
        raise DomainError(f"A pause takes at most {longest} minutes.", code="bad_time")
    if appointment_type not in Appointment.Type.values:
        raise DomainError("There is no such type of visit.", code="bad_type")
    with audit.unit_of_work():
        default, is_new = VisitDefault.objects.update_or_create(
            doctor=doctor,
            appointment_type=appointment_type,
            defaults={
                "duration_minutes": duration_minutes,
                "buffer_minutes": buffer_minutes,
                "preparation_instructions": preparation_instructions.strip(),
            },
        )
        audit.record(Action.CREATE if is_new else Action.UPDATE, by=by, target=default)
    return default


def clear_visit_default(appointment_type: str, *, doctor: User, by: User, at: datetime) -> None:
    """Let the clinic's length count again for a doctor. Raises NotAllowed."""
    permissions.check_can_plan(by, doctor)
    with audit.unit_of_work():
        for default in VisitDefault.objects.filter(doctor=doctor, appointment_type=appointment_type):
            audit.record(Action.DELETE, by=by, target=default)
            default.delete()


def _check_name(name: str, *, but: Room | None = None) -> None:
    others = Room.objects.filter(name__iexact=name.strip())
    if (others.exclude(pk=but.pk) if but else others).exists():
        raise Conflict("There is a room of this name already.", code="name_taken")

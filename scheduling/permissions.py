"""Who may book, change and see which appointments."""

from patients.models import PatientAccess
from patients.permissions import check_is_in_care
from scheduling.models import Appointment, TimeOff, WaitingEntry
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.common.errors import NotAllowed


def check_can_book(user: User, doctor: User) -> None:
    """Raise NotAllowed unless this person books for anybody, or for the doctor they are."""
    if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
        return
    if user.may(Permission.VIEW_CALENDAR) and user.pk == doctor.pk:
        return
    raise NotAllowed("You book visits in your own calendar only. Ask the front desk to book with somebody else.")


def can_book(user: User, doctor: User) -> bool:
    try:
        check_can_book(user, doctor)
    except NotAllowed:
        return False
    return True


def check_can_give_to(user: User, doctor: User, appointment: Appointment) -> None:
    """Raise NotAllowed unless this person books with this doctor, or handed the visit's patient over to them."""
    handed_over = PatientAccess.objects.open().filter(
        patient__in=appointment.patient.records(), doctor=doctor, handover__from_doctor=user
    )
    if user.pk == doctor.pk or not handed_over.exists():
        check_can_book(user, doctor)


def check_can_change(user: User, appointment: Appointment) -> None:
    """Raise NotAllowed unless this person may confirm, move, cancel or close the appointment."""
    if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
        return
    if user.may(Permission.VIEW_CALENDAR) and user.pk == appointment.doctor_id:
        return
    raise NotAllowed("This visit is in somebody else's calendar.")


def can_change(user: User, appointment: Appointment) -> bool:
    try:
        check_can_change(user, appointment)
    except NotAllowed:
        return False
    return True


def check_works_at_desk(user: User) -> None:
    """Raise NotAllowed unless this person receives whoever comes in."""
    if not user.may(Permission.MANAGE_ALL_APPOINTMENTS):
        raise NotAllowed("Walk-ins are noted at the front desk.")


def check_can_change_waiting(user: User, entry: WaitingEntry) -> None:
    """Raise NotAllowed unless this person keeps the waiting list for everybody, or for the doctor they are."""
    check_is_in_care(user, entry.patient)
    if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
        return
    if user.may(Permission.VIEW_CALENDAR) and entry.doctor_id in (None, user.pk):
        return
    raise NotAllowed("You put patients on the list for yourself or for anybody. Ask the front desk for the others.")


def check_can_plan(user: User, doctor: User | None) -> None:
    """Raise NotAllowed unless this person sets hours and time off of the doctor; None stands for every clinician."""
    if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
        return
    if doctor is not None and user.may(Permission.VIEW_CALENDAR) and user.pk == doctor.pk:
        return
    raise NotAllowed("You plan your own hours and time off only. Ask the front desk to plan for others.")


def may_read_words(user: User, entry: TimeOff) -> bool:
    """Tell whether this person may read what a time off is for: the one it belongs to, and the desk.

    The words of an imported calendar are its owner's alone.
    """
    if entry.doctor_id in (None, user.pk):
        return True
    return user.may(Permission.MANAGE_ALL_APPOINTMENTS) and entry.kind != TimeOff.Kind.IMPORTED


def check_can_plan_clinic(user: User) -> None:
    """Raise NotAllowed unless this person decides about rooms, holidays and the clinic's lengths of visits."""
    if not user.may(Permission.MANAGE_CLINIC):
        raise NotAllowed("Rooms, holidays and lengths of visits are set by an administrator.")

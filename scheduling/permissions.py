"""Who may book, change and see which appointments."""

from scheduling.models import Appointment
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

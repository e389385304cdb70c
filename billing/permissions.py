"""Who may work with which bills."""

from billing.models import Bill
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.common.errors import NotAllowed


def check_can_work_with_bills(user: User) -> None:
    """Raise NotAllowed unless this person drafts and sends bills and takes payments."""
    if not user.may(Permission.RECORD_PAYMENTS):
        raise NotAllowed("Your role does not include bills.")


def check_can_set_prices(user: User) -> None:
    """Raise NotAllowed unless this person keeps the clinic's fee schedule."""
    if not user.may(Permission.MANAGE_CLINIC):
        raise NotAllowed("The fee schedule is kept by the administrator.")


def check_can_give_back(user: User, bill: Bill) -> None:
    """Raise NotAllowed unless this person may cancel the bill or refund money on it."""
    check_can_work_with_bills(user)
    if not user.may(Permission.REFUND_BILLS):
        raise NotAllowed("Refunds and cancelled bills need the doctor of the visit or an administrator.")
    if not user.may(Permission.VIEW_ALL_PATIENTS) and user.pk != doctor_id_of(bill):
        raise NotAllowed("This bill belongs to another doctor's visit. Ask that doctor or an administrator.")


def can_give_back(user: User, bill: Bill) -> bool:
    try:
        check_can_give_back(user, bill)
    except NotAllowed:
        return False
    return True


def doctor_id_of(bill: Bill) -> object:
    """Return the key of the doctor whose visit the bill is for."""
    if bill.session is not None:
        return bill.session.doctor_id
    if bill.appointment is not None:
        return bill.appointment.doctor_id
    return bill.generated_by_id

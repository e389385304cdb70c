"""Who may work with which bills."""

from collections.abc import Iterable
from datetime import datetime

from billing.models import Bill, LedgerEntry, Payment
from synapse.accounts.models import ClinicSettings, User
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


def check_can_bill_for(user: User, doctor: User) -> None:
    """Raise NotAllowed unless this person may bill a visit of that doctor: their own, or everybody's at the desk."""
    check_can_work_with_bills(user)
    if user.pk != doctor.pk and not user.may(Permission.VIEW_ALL_PATIENTS):
        raise NotAllowed("A clinician bills the own visits.")


def check_can_confirm_codes(user: User, bill: Bill) -> None:
    """Raise NotAllowed unless this person stands for the codes of the bill: its doctor, or an administrator."""
    check_can_work_with_bills(user)
    if user.pk != bill.doctor_id and not user.may(Permission.MANAGE_CLINIC):
        raise NotAllowed("The codes are confirmed by the clinician of the visit or an administrator.")


def can_confirm_codes(user: User, bill: Bill) -> bool:
    try:
        check_can_confirm_codes(user, bill)
    except NotAllowed:
        return False
    return True


def check_can_give_back(user: User, bill: Bill) -> None:
    """Raise NotAllowed unless this person may cancel the bill, write it off, adjust it or refund money on it."""
    check_can_work_with_bills(user)
    if not user.may(Permission.REFUND_BILLS):
        raise NotAllowed("Refunds and cancelled bills need the doctor of the visit or an administrator.")
    if not user.may(Permission.VIEW_ALL_PATIENTS) and user.pk != bill.doctor_id:
        raise NotAllowed("This bill belongs to another doctor's visit. Ask that doctor or an administrator.")


def check_can_pay_out(user: User) -> None:
    """Raise NotAllowed unless this person may give a patient's credit back; it belongs to no doctor's visit."""
    check_can_work_with_bills(user)
    if not (user.may(Permission.REFUND_BILLS) and user.may(Permission.VIEW_ALL_PATIENTS)):
        raise NotAllowed("Credit is paid out by an administrator.")


def check_can_reverse(user: User, payment: Payment, bills: Iterable[Bill], *, at: datetime) -> None:
    """Raise NotAllowed unless this person may take a payment back.

    Whoever recorded it may on the clinic's same day, such as 800 typed for 500 at the desk; later it needs the doctor
    of every bill it paid, or an administrator.
    """
    check_can_work_with_bills(user)
    if _recorded_today(user, payment, at):
        return
    paid = list(bills)
    for bill in paid:
        check_can_give_back(user, bill)
    if not paid:
        check_can_pay_out(user)


def check_can_take_back(user: User, entry: LedgerEntry, *, at: datetime) -> None:
    """Raise NotAllowed unless this person may reverse an entry; a use of credit as `check_can_reverse` says."""
    check_can_work_with_bills(user)
    if entry.kind == LedgerEntry.Kind.CREDIT_APPLIED and _recorded_today(user, entry, at):
        return
    if entry.bill is None:
        check_can_pay_out(user)
    else:
        check_can_give_back(user, entry.bill)


def can_give_back(user: User, bill: Bill) -> bool:
    try:
        check_can_give_back(user, bill)
    except NotAllowed:
        return False
    return True


def can_reverse(user: User, payment: Payment, bills: Iterable[Bill], *, at: datetime) -> bool:
    try:
        check_can_reverse(user, payment, bills, at=at)
    except NotAllowed:
        return False
    return True


def can_take_back(user: User, entry: LedgerEntry, *, at: datetime) -> bool:
    try:
        check_can_take_back(user, entry, at=at)
    except NotAllowed:
        return False
    return True


def _recorded_today(user: User, recorded: Payment | LedgerEntry, at: datetime) -> bool:
    return recorded.by_id == user.pk and recorded.booked_on == ClinicSettings.load().date_of(at)


def check_can_close_day(user: User) -> None:
    """Raise NotAllowed unless this person counts the clinic's money: it is of all patients, not of some."""
    check_can_work_with_bills(user)
    if not user.may(Permission.VIEW_ALL_PATIENTS):
        raise NotAllowed("The day is closed by the front desk or an administrator.")


def can_close_day(user: User) -> bool:
    try:
        check_can_close_day(user)
    except NotAllowed:
        return False
    return True


def check_can_close_books(user: User) -> None:
    """Raise NotAllowed unless this person hands out the books of the whole clinic."""
    if not (user.may(Permission.VIEW_BILLS) and user.may(Permission.VIEW_ALL_PATIENTS)):
        raise NotAllowed("The journal of the clinic is exported by the front desk or an administrator.")


def can_close_books(user: User) -> bool:
    try:
        check_can_close_books(user)
    except NotAllowed:
        return False
    return True

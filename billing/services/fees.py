"""Keep the fee schedule: a price that has begun is ended and followed by another one, never rewritten.

Bills keep their own prices and do not point here, so what a price once was can be answered only when its row stays.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from billing import permissions
from billing.codes import lookup as codes
from billing.errors import BadCode, BadFee
from billing.models import Bill, FeeScheduleItem
from billing.money import ZERO, round_money
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict

DAY = timedelta(days=1)
LONGEST_MINUTES = 24 * 60
HIGHEST_PRICE = Decimal("9999999.99")
MISSED = (Bill.Purpose.LATE_CANCEL, Bill.Purpose.NO_SHOW)


@dataclass(frozen=True)
class Terms:
    """Everything a row of the fee schedule says. `tax_rate` None is the clinic's own; `valid_until` None has no end."""

    description: str
    unit_price: Decimal
    currency: str
    valid_from: date
    valid_until: date | None = None
    session_type: str = ""
    purpose: str = Bill.Purpose.VISIT
    doctor: User | None = None
    cpt_code: str = ""
    minimum_minutes: int = 0
    tax_rate: Decimal | None = None


FIELDS = tuple(Terms.__dataclass_fields__)


def terms_of(item: FeeScheduleItem) -> Terms:
    """Return what a row says."""
    return Terms(**{name: getattr(item, name) for name in FIELDS})


def add_fee(terms: Terms, *, by: User, at: datetime) -> FeeScheduleItem:
    """Put a price on the schedule. Raises NotAllowed, and BadFee when it cannot be or another one holds those days."""
    permissions.check_can_set_prices(by)
    terms = check_terms(terms)
    with audit.unit_of_work():
        _check_days_are_free(terms)
        return _store(terms, by=by, verb="add_fee", fields=FIELDS)


def change_fee(item: FeeScheduleItem, terms: Terms, *, by: User, at: datetime) -> FeeScheduleItem:
    """Change a price and return the row that holds from `terms.valid_from` on.

    One that has not begun is rewritten. One that has begun ends on the day before and is followed by a new row, which
    begins today or later; only its last day is written into the row itself. Raises NotAllowed, BadFee and Conflict.
    """
    permissions.check_can_set_prices(by)
    terms = check_terms(terms)
    today = ClinicSettings.load().date_of(at)
    with audit.unit_of_work():
        item = _locked(item)
        _check_is_live(item, today)
        before = terms_of(item)
        changed = [name for name in FIELDS if getattr(before, name) != getattr(terms, name)]
        if not changed:
            return item
        if item.valid_from > today:
            _check_days_are_free(terms, but=item)
            return _rewrite(item, terms, changed, by=by)
        if not set(changed) - {"valid_until", "valid_from"} and terms.valid_from in (item.valid_from, today):
            return _set_last_day(item, terms.valid_until, today=today, by=by)
        return _follow(item, terms, changed, today=today, by=by)


def end_fee(item: FeeScheduleItem, *, on: date, by: User, at: datetime) -> FeeScheduleItem:
    """Let a price end with a day; one that has not begun by then never holds. Raises NotAllowed, BadFee, Conflict."""
    permissions.check_can_set_prices(by)
    today = ClinicSettings.load().date_of(at)
    with audit.unit_of_work():
        item = _locked(item)
        _check_is_live(item, today)
        if item.valid_from > today:
            item.is_active = False
            item.save(update_fields=["is_active", "updated_at"])
            _record(item, by=by, verb="withdraw_fee", fields=["is_active"])
            return item
        return _set_last_day(item, on, today=today, by=by)


def check_terms(terms: Terms) -> Terms:
    """Return the terms as they are kept: the code checked, the price rounded. Raises BadFee at the field."""
    if not terms.description.strip():
        raise BadFee("Name the service.", "description")
    code = terms.cpt_code
    if code:
        try:
            code = codes.check_code("cpt", code)
        except BadCode as refusal:
            raise BadFee(refusal.message, "cpt_code") from None
    if not ZERO <= terms.unit_price <= HIGHEST_PRICE:
        raise BadFee("A price is between 0 and 9,999,999.99.", "unit_price")
    try:
        price = round_money(terms.unit_price, terms.currency)
    except ValueError as error:
        raise BadFee(str(error), "currency") from None
    if price != terms.unit_price:
        raise BadFee(f"{terms.currency} has no amounts that small.", "unit_price")
    if terms.tax_rate is not None and not ZERO <= terms.tax_rate <= 100:
        raise BadFee("The tax is between 0 and 100 percent.", "tax_rate")
    if not 0 <= terms.minimum_minutes <= LONGEST_MINUTES:
        raise BadFee("Minutes are between 0 and 1,440.", "minimum_minutes")
    if terms.valid_until is not None and terms.valid_until < terms.valid_from:
        raise BadFee("The last day is before the first one.", "valid_until")
    if terms.doctor is not None and not terms.doctor.may(Permission.CONDUCT_SESSIONS):
        raise BadFee("Prices of a person are for doctors only.", "doctor")
    if terms.purpose in MISSED and terms.minimum_minutes:
        raise BadFee("A visit that did not take place has no minutes.", "minimum_minutes")
    if terms.purpose == Bill.Purpose.VISIT and not terms.session_type:
        raise BadFee("Choose the kind of visit.", "session_type")
    return replace(terms, description=terms.description.strip(), cpt_code=code, unit_price=price)


def find_overlap(terms: Terms, *, but: FeeScheduleItem | None = None) -> FeeScheduleItem | None:
    """Return a price of the same kind, doctor and length that holds on one of these days, if there is one.

    Procedures are told apart by their code as well: there are several of one kind.
    """
    same = FeeScheduleItem.objects.filter(
        is_active=True,
        session_type=terms.session_type,
        purpose=terms.purpose,
        doctor=terms.doctor,
        minimum_minutes=terms.minimum_minutes,
        currency=terms.currency,
    )
    if terms.session_type == Bill.Type.PROCEDURE:
        same = same.filter(cpt_code=terms.cpt_code)
    if but is not None:
        same = same.exclude(pk=but.pk)
    for other in same.order_by("valid_from"):
        begins_in_time = terms.valid_until is None or other.valid_from <= terms.valid_until
        ends_late = other.valid_until is None or other.valid_until >= terms.valid_from
        if begins_in_time and ends_late:
            return other
    return None


def in_words(begins: date, ends: date | None) -> str:
    """Say which days a price holds on."""
    since = f"{begins:%-d %b %Y}"
    return f"from {since} on" if ends is None else f"from {since} to {ends:%-d %b %Y}"


def _check_days_are_free(terms: Terms, *, but: FeeScheduleItem | None = None) -> None:
    other = find_overlap(terms, but=but)
    if other is not None:
        raise BadFee(
            f"“{other.description}” holds {in_words(other.valid_from, other.valid_until)} for this kind of visit and "
            "length. Change that price, or choose other days.",
            "valid_from",
        )


def _check_is_live(item: FeeScheduleItem, today: date) -> None:
    if not item.is_active or (item.valid_until is not None and item.valid_until < today):
        raise Conflict("This price has ended. Add a new one.")


def _rewrite(item: FeeScheduleItem, terms: Terms, changed: list[str], *, by: User) -> FeeScheduleItem:
    for name in changed:
        setattr(item, name, getattr(terms, name))
    item.save(update_fields=[*changed, "updated_at"])
    _record(item, by=by, verb="change_fee", fields=changed)
    return item


def _set_last_day(item: FeeScheduleItem, on: date | None, *, today: date, by: User) -> FeeScheduleItem:
    if on is not None and on < today:
        raise BadFee("Choose today or a later day: bills of past days were made from this price.", "valid_until")
    if item.valid_until is not None and (on is None or on > item.valid_until):
        _check_days_are_free(replace(terms_of(item), valid_until=on), but=item)
    item.valid_until = on
    item.save(update_fields=["valid_until", "updated_at"])
    _record(item, by=by, verb="end_fee", fields=["valid_until"])
    return item


def _follow(item: FeeScheduleItem, terms: Terms, changed: list[str], *, today: date, by: User) -> FeeScheduleItem:
    if terms.valid_from < today:
        raise BadFee("Choose today or a later day: bills of past days keep the price they had.", "valid_from")
    if item.valid_until is not None and terms.valid_from > item.valid_until + DAY:
        raise BadFee(
            f"The price ends on {item.valid_until:%-d %b %Y}. Begin on the day after at the latest.", "valid_from"
        )
    if terms.valid_from == item.valid_from:
        # Begun this very day: its row stays as it was and holds for no further bill.
        item.is_active = False
        item.save(update_fields=["is_active", "updated_at"])
    else:
        item.valid_until = terms.valid_from - DAY
        item.save(update_fields=["valid_until", "updated_at"])
    _check_days_are_free(terms, but=item)
    _record(item, by=by, verb="end_fee", fields=["valid_until"])
    return _store(terms, by=by, verb="change_fee", fields=changed)


def _locked(item: FeeScheduleItem) -> FeeScheduleItem:
    return FeeScheduleItem.objects.select_for_update(of=("self",)).select_related("doctor").get(pk=item.pk)


def _store(terms: Terms, *, by: User, verb: str, fields: tuple[str, ...] | list[str]) -> FeeScheduleItem:
    item = FeeScheduleItem(**{name: getattr(terms, name) for name in FIELDS})
    item.save(force_insert=True)
    _record(item, by=by, verb=verb, fields=fields)
    return item


def _record(item: FeeScheduleItem, *, by: User, verb: str, fields: tuple[str, ...] | list[str]) -> None:
    audit.record(Action.ADMINISTER, by=by, target=item, detail={"verb": verb, "fields": sorted(fields)})

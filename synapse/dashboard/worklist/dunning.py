"""Overdue bills that want a person: a letter to print, a dispute to settle, a decision after the last letter, a lost message."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from billing.models import Bill, BillingSettings, BillMessage
from billing.money import format_money
from billing.reminders import collection
from billing.reminders.chases import WRITTEN, Chase, active_stages, chases_of
from billing.reminders.plan import Stage
from billing.services import collecting, messages, reminders
from patients.choices import MessageChannel
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Act, Item, Reader, Source
from synapse.dashboard.worklist.money import bill_item, listed, own
from synapse.dashboard.worklist.words import DOCTOR, PATIENT, columns, joined, since, whose
from synapse.notifications import sms

Message = BillMessage.Status
REMINDER = BillMessage.Document.REMINDER
WORK = (Permission.VIEW_BILLS, Permission.RECORD_PAYMENTS)


def _chased(reader: Reader) -> QuerySet[Bill]:
    rows = listed(reader, Bill.Status.OVERDUE).filter(collection_status__in=collection.CHASED)
    return rows.order_by("due_date", "bill_number")


def _overdue(reader: Reader) -> QuerySet[Bill]:
    """Return overdue bills the clinic's letters still follow up, and those it writes no letters about."""
    last = _rules(reader).last
    return _chased(reader).filter(~_had_stage(last)) if last else _chased(reader)


def _undecided(reader: Reader) -> QuerySet[Bill]:
    """Return bills that stayed unpaid for a gap after the last letter."""
    rules = _rules(reader)
    if not rules.last:
        return Bill.objects.none()
    return _chased(reader).filter(_had_stage(rules.last, until=rules.today - rules.gap))


def _describe_overdue(rows: Sequence[Bill], reader: Reader) -> Iterable[Item]:
    today = _rules(reader).today
    may_remind = reader.user.may(Permission.RECORD_PAYMENTS)
    chases = {chase.bill.pk: chase for chase in chases_of(rows)} if may_remind else {}
    for row in rows:
        acts = _reminding(chases.get(row.pk), _rules(reader).clinic, today)
        yield bill_item(row, _late(row, today), reader, label="Open", acts=acts)


def _reminding(chase: Chase | None, clinic: ClinicSettings, today: date) -> tuple[str, ...]:
    """Offer the next reminder where it may go out now."""
    if chase is None or not reminders.channel_for(chase.bill.patient, clinic):
        return ()
    try:
        reminders.check_can_remind(chase, today=today)
    except reminders.CannotRemind:
        return ()
    return ("remind",)


def _describe_undecided(rows: Sequence[Bill], reader: Reader) -> Iterable[Item]:
    today = _rules(reader).today
    for row in rows:
        text = joined(_late(row, today), f"reminded {row.reminder_sent_count} times: collect it or write it off")
        yield bill_item(row, text, reader, label="Decide")


def _remind(row: Bill, *, by: User, at: datetime) -> None:
    reminders.remind(Bill.objects.select_related("patient", "doctor").get(pk=row.pk), by=by, at=at)


def _to_print(reader: Reader) -> QuerySet[Bill]:
    """Return bills whose next reminder is due and whose patients cannot be written to."""
    rules = _rules(reader)
    if not rules.stages:
        return Bill.objects.none()
    is_due = [
        Q(due_date__lte=rules.today - timedelta(days=max(1, stage.days_late)), reached__lt=stage.number)
        for stage in rules.stages
    ]
    stages = BillMessage.objects.filter(bill=OuterRef("pk"), document=REMINDER, status__in=WRITTEN)
    reached = stages.order_by().values("bill").annotate(reached=Max("stage")).values("reached")
    lately = rules.today - rules.gap
    person = Coalesce(OuterRef("patient__merged_into"), OuterRef("patient"))
    told = BillMessage.objects.annotate(person=Coalesce("patient__merged_into", "patient")).filter(
        person=person, document=REMINDER, status__in=WRITTEN, letter_date__gt=lately
    )
    return (
        _chased(reader)
        .filter(_unreachable(rules.clinic.message_channels))
        .exclude(last_payment_date__gt=lately)
        .annotate(reached=Coalesce(Subquery(reached), 0))
        .filter(reduce(or_, is_due), ~Exists(told))
    )


def _unreachable(clinic: str) -> Q:
    """Return the patients no channel reaches: they want no messages, or there is no address for it."""
    kept = Q(patient__merged_into=None)
    return (kept & _without_channel("patient", clinic)) | (~kept & _without_channel("patient__merged_into", clinic))


def _without_channel(patient: str, clinic: str) -> Q:
    """Return what `reminders.channel_for` finds nothing for, in plain columns."""
    by_mail = Q(**{f"{patient}__message_channel__in": _wishes(clinic, "email")}) & ~Q(**{f"{patient}__email_hash": ""})
    by_sms = Q(**{f"{patient}__message_channel__in": _wishes(clinic, "sms")}) & ~Q(**{f"{patient}__phone_hash": ""})
    reached = by_mail | by_sms if sms.is_offered() else by_mail
    return Q(**{f"{patient}__messages_stopped_at__isnull": False}) | ~reached


def _wishes(clinic: str, channel: str) -> list[str]:
    """Return the wishes that include a channel; the empty one is the clinic's way."""
    wishes = [channel, MessageChannel.BOTH.value]
    return [*wishes, MessageChannel.CLINIC.value] if clinic in wishes else wishes


def _describe_to_print(rows: Sequence[Bill], reader: Reader) -> Iterable[Item]:
    today = _rules(reader).today
    for row in rows:
        yield bill_item(row, _late(row, today), reader, label="Print the letter", to="billing:remind")


def _disputed(reader: Reader) -> QuerySet[Bill]:
    rows = listed(reader, *Bill.OWING).filter(collection_status=Bill.Collection.DISPUTED)
    return rows.order_by("due_date", "bill_number")


def _describe_disputed(rows: Sequence[Bill], reader: Reader) -> Iterable[Item]:
    for row in rows:
        amount = format_money(row.outstanding_amount, row.currency)
        yield bill_item(row, joined(row.bill_number, f"{amount} open"), reader, label="Open", acts=("settle",))


def _settle(row: Bill, *, by: User, at: datetime) -> None:
    collecting.settle_dispute(Bill.objects.select_related("patient").get(pk=row.pk), by=by, at=at)


def _lost(reader: Reader) -> QuerySet[BillMessage]:
    """Return messages that did not arrive, or perhaps not, while no later one of the kind went out or waits."""
    later = BillMessage.objects.filter(
        Q(bill=OuterRef("bill")) | Q(bill=None, payment=OuterRef("payment")) | Q(bill=None, payment=None),
        patient=OuterRef("patient"),
        document=OuterRef("document"),
        status__in=[Message.DUE, Message.SENDING, Message.SENT],
        created_at__gt=OuterRef("created_at"),
    )
    mine = Q() if reader.sees_all else own(reader, "bill__doctor") | Q(bill=None)
    return (
        BillMessage.objects.visible_to(reader.user)
        .filter(mine, status__in=[Message.FAILED, Message.UNKNOWN], leader=None)
        .filter(~Exists(later))
        .select_related("patient", "bill__doctor")
        .only(
            *("document", "number", "channel", "status", "updated_at", "bill__bill_number"),
            *columns("patient", PATIENT),
            *columns("bill__doctor", DOCTOR),
        )
        .order_by("updated_at")
    )


def _describe_lost(rows: Sequence[BillMessage], reader: Reader) -> Iterable[Item]:
    for row in rows:
        what = joined(row.get_document_display(), row.bill.bill_number if row.bill else "")
        state = "did not arrive" if row.status == Message.FAILED else "perhaps not sent"
        yield Item(
            pk=row.pk,
            title=row.patient.full_name,
            text=joined(what, f"{row.get_channel_display()} {state}", since(row.updated_at, reader)),
            who=whose(row.bill.doctor, reader) if row.bill else "",
            link=reverse("billing:detail", args=[row.bill_id])
            if row.bill_id
            else reverse("patients:detail", args=[row.patient_id]),
            link_label="Open",
            patient_id=row.patient_id,
            acts=("again",),
        )


def _send_again(row: BillMessage, *, by: User, at: datetime) -> None:
    message = BillMessage.objects.select_related("patient", "bill", "payment").get(pk=row.pk)
    messages.send_again(message, by=by, at=at)


@dataclass(frozen=True)
class Rules:
    """What the clinic's settings say about reminders today."""

    clinic: ClinicSettings
    today: date
    stages: list[Stage]
    gap: timedelta

    @property
    def last(self) -> int:
        """The number of the last letter; 0 when none is sent."""
        return max((stage.number for stage in self.stages), default=0)


def _rules(reader: Reader) -> Rules:
    """Return the settings, read once for each page."""
    if "reminders" not in reader.read:
        clinic = ClinicSettings.load()
        gap = timedelta(days=BillingSettings.load().reminder_gap_days)
        reader.read["reminders"] = Rules(clinic, clinic.date_of(reader.at), active_stages(), gap)
    rules: Rules = reader.read["reminders"]
    return rules


def _had_stage(stage: int, *, until: date | None = None) -> Exists:
    sent = BillMessage.objects.filter(bill=OuterRef("pk"), document=REMINDER, stage__gte=stage, status__in=WRITTEN)
    return Exists(sent.filter(letter_date__lte=until) if until else sent)


def _late(row: Bill, today: date) -> str:
    amount = format_money(row.outstanding_amount, row.currency)
    days = (today - row.due_date).days if row.due_date else 0
    return joined(row.bill_number, f"{amount} open", f"{days} day{'' if days == 1 else 's'} over")


OVERDUE = Source(
    name="overdue",
    title="Bills overdue",
    one="Bill overdue",
    icon="clock",
    permissions=(Permission.VIEW_BILLS,),
    rows=_overdue,
    describe=_describe_overdue,
    acts=(Act("remind", "Remind", "r", "mail", _remind, "The reminder is on its way."),),
    needs_attention=True,
)
TO_PRINT = Source(
    name="letters-to-print",
    title="Reminders to print",
    icon="printer",
    permissions=WORK,
    rows=_to_print,
    describe=_describe_to_print,
    can_set_aside=True,
)
UNDECIDED = Source(
    name="after-last",
    title="Unpaid after the last reminder",
    icon="alert-triangle",
    permissions=WORK,
    rows=_undecided,
    describe=_describe_undecided,
    can_set_aside=True,
    needs_attention=True,
)
DISPUTED = Source(
    name="disputed",
    title="Bills disputed",
    icon="ban",
    permissions=WORK,
    rows=_disputed,
    describe=_describe_disputed,
    acts=(Act("settle", "Settled", "y", "check", _settle, "The dispute is settled. Reminders go on."),),
)
LOST = Source(
    name="lost-money-mail",
    title="Messages about money not delivered",
    one="Message about money not delivered",
    icon="mail",
    permissions=WORK,
    rows=_lost,
    describe=_describe_lost,
    acts=(Act("again", "Send again", "e", "send", _send_again, "It goes out once more."),),
    can_set_aside=True,
    needs_attention=True,
)

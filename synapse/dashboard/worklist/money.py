"""Sessions without a bill, codes that wait for their clinician, bills that did not go out."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from billing.errors import NotIssuable
from billing.models import Bill, BillingSettings
from billing.money import ZERO, format_money, load_line
from billing.services import drafting, editing, issuing, messages
from patients.models import Patient
from sessions_app.models import ConsultationSession
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Act, Item, Reader, Source
from synapse.dashboard.worklist.words import DOCTOR, PATIENT, columns, joined, since, when, whose

# How a patient can be written to.
REACHED_BY = ("email", "phone_primary", "message_channel", "messages_stopped_at")


def _unbilled(reader: Reader) -> QuerySet[ConsultationSession]:
    """Return completed sessions without a bill that stands; the desk sees that they took place, nothing else."""
    standing = Bill.objects.filter(session=OuterRef("pk")).exclude(status=Bill.Status.CANCELLED)
    called_off = Bill.objects.filter(session=OuterRef("pk"), bill_number__isnull=False)
    return (
        ConsultationSession.objects.filter(own(reader, "doctor"), status=ConsultationSession.Status.COMPLETED)
        # A bill that was issued and called off was called off on purpose.
        .filter(~Exists(standing), ~Exists(called_off), patient__in=Patient.objects.visible_to(reader.user))
        .select_related("patient", "doctor")
        .only("session_id", "started_at", "duration_minutes", *columns("patient", PATIENT), *columns("doctor", DOCTOR))
        .order_by("started_at")
    )


def _describe_unbilled(rows: Sequence[ConsultationSession], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield Item(
            pk=row.pk,
            title=row.patient.full_name,
            text=joined(f"Session {when(row.started_at, reader)}", f"{row.duration_minutes or 0} min", "no bill"),
            who=whose(row.doctor, reader),
            link=reverse("patients:detail", args=[row.patient_id]),
            link_label="Open",
            patient_id=row.patient_id,
            acts=("draft",),
        )


def _draft(row: ConsultationSession, *, by: User, at: datetime) -> None:
    session = ConsultationSession.objects.select_related("patient", "doctor").get(pk=row.pk)
    drafting.draft_bill_for_session(session, by=by, at=at)


def _uncoded(reader: Reader) -> QuerySet[Bill]:
    """Return a clinician's drafts whose codes nobody stands for yet."""
    return listed(reader, Bill.Status.PENDING).filter(_waits_for_codes()).order_by("created_at")


def _describe_uncoded(rows: Sequence[Bill], reader: Reader) -> Iterable[Item]:
    for row in rows:
        amount = format_money(row.total_amount, row.currency)
        text = joined(", ".join(row.procedure_codes), amount, since(row.created_at, reader))
        yield bill_item(row, text, reader, label="Check", acts=("confirm",), to="billing:edit")


def _confirm(row: Bill, *, by: User, at: datetime) -> None:
    editing.confirm_codes(Bill.objects.select_related("patient", "doctor").get(pk=row.pk), by=by, at=at)


def _waits_for_codes() -> Q:
    """Return the drafts of `issuing.waits_for_codes`."""
    return Q(codes_confirmed_at=None, purpose=Bill.Purpose.VISIT) & ~Q(procedure_codes=[])


def _drafts(reader: Reader) -> QuerySet[Bill]:
    """Return drafts to send; whose codes a clinician still has to confirm are among that clinician's own first."""
    drafts = listed(reader, Bill.Status.PENDING).order_by("created_at")
    return drafts if reader.sees_all else drafts.exclude(_waits_for_codes())


def _describe_drafts(rows: Sequence[Bill], reader: Reader) -> Iterable[Item]:
    billing = BillingSettings.load()
    for row in rows:
        amount = format_money(row.total_amount, row.currency)
        text = joined(amount, row.get_bill_type_display(), since(row.created_at, reader))
        if any(load_line(line).price_missing for line in row.line_items):
            yield bill_item(row, text, reader, label="Fill in the price", chip="Price missing", to="billing:edit")
        elif why_not := _why_not_sent(row, billing):
            yield bill_item(row, text, reader, label="Open", chip=why_not)
        else:
            acts = ("mail", "hand-over") if row.patient.email else ("hand-over",)
            yield bill_item(row, text, reader, label="Open", acts=acts)


def _why_not_sent(row: Bill, billing: BillingSettings) -> str:
    """Return in few words what keeps a draft with its prices from going out."""
    try:
        issuing.check_can_issue(row, billing=billing)
    except NotIssuable:
        return "Codes not confirmed" if row.total_amount > ZERO else "Charges nothing"
    return ""


def _mail(row: Bill, *, by: User, at: datetime) -> None:
    messages.send_invoice(row, how="mail", by=by, at=at)


def _hand_over(row: Bill, *, by: User, at: datetime) -> None:
    messages.send_invoice(row, how="desk", by=by, at=at)


def listed(reader: Reader, *statuses: str) -> QuerySet[Bill]:
    """Return the bills of these statuses a person works with, with what a row shows."""
    named = ("bill_number", "status", "currency", "bill_type", "line_items", "total_amount", "outstanding_amount")
    return (
        Bill.objects.visible_to(reader.user)
        .filter(own(reader, "doctor"), status__in=statuses)
        .select_related("patient__merged_into", "doctor")
        .only(
            *named,
            *("due_date", "created_at", "last_payment_date", "collection_status", "reminder_sent_count"),
            *("insurance_covered_amount", "codes_confirmed_at", "purpose", "procedure_codes", "session"),
            *columns("patient", (*PATIENT, *REACHED_BY)),
            *columns("patient__merged_into", REACHED_BY),
            *columns("doctor", DOCTOR),
        )
    )


def own(reader: Reader, field: str) -> Q:
    """Keep to a doctor's own sessions; who works for all sees all."""
    return Q() if reader.sees_all else Q(**{field: reader.user})


def bill_item(
    row: Bill,
    text: str,
    reader: Reader,
    *,
    label: str,
    chip: str = "",
    acts: tuple[str, ...] = (),
    to: str = "billing:detail",
) -> Item:
    return Item(
        pk=row.pk,
        title=row.patient.full_name,
        text=text,
        who=whose(row.doctor, reader),
        link=reverse(to, args=[row.pk]),
        link_label=label,
        patient_id=row.patient_id,
        acts=acts,
        chip=chip,
        chip_kind="warn" if chip else "",
    )


UNBILLED = Source(
    name="unbilled",
    title="Sessions without a bill",
    icon="receipt-2",
    permissions=(Permission.VIEW_BILLS, Permission.RECORD_PAYMENTS),
    rows=_unbilled,
    describe=_describe_unbilled,
    acts=(Act("draft", "Draft the bill", "b", "file-invoice", _draft, "The bill is drafted. Send it next."),),
)
UNCODED = Source(
    name="codes",
    title="Codes to confirm",
    icon="clipboard-check",
    permissions=(Permission.VIEW_BILLS, Permission.CONDUCT_SESSIONS),
    rows=_uncoded,
    describe=_describe_uncoded,
    acts=(Act("confirm", "Confirm the codes", "c", "check", _confirm, "The codes are confirmed. Send the bill next."),),
)
DRAFTS = Source(
    name="bills-to-send",
    title="Bills to send",
    icon="receipt-2",
    permissions=(Permission.VIEW_BILLS, Permission.RECORD_PAYMENTS),
    rows=_drafts,
    describe=_describe_drafts,
    acts=(
        Act("mail", "Send by e-mail", "e", "mail", _mail, "The bill is on its way by e-mail."),
        Act("hand-over", "Handed over", "h", "check", _hand_over, "Noted that the patient has the bill."),
    ),
)

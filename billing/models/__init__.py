"""Bills, the ledger, claims, messages about money, the fee schedule and the code tables."""

from billing.models.batches import BillBatch
from billing.models.bills import Bill, BillQuerySet, BillType
from billing.models.claims import Claim, ClaimQuerySet, Payer
from billing.models.codes import Code, CodeImport
from billing.models.fees import FeeScheduleItem
from billing.models.ledger import TRIGGERS, LedgerEntry, LedgerMonth, Method, PatientAccount, Payment
from billing.models.messages import BillLink, BillMessage
from billing.models.paying import DayClose, PaymentLink
from billing.models.settings import BillingSettings, ReminderStage

__all__ = [
    "TRIGGERS",
    "Bill",
    "BillBatch",
    "BillLink",
    "BillMessage",
    "BillQuerySet",
    "BillType",
    "BillingSettings",
    "Claim",
    "ClaimQuerySet",
    "Code",
    "CodeImport",
    "DayClose",
    "FeeScheduleItem",
    "LedgerEntry",
    "LedgerMonth",
    "Method",
    "PatientAccount",
    "Payer",
    "Payment",
    "PaymentLink",
    "ReminderStage",
]

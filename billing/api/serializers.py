"""Bills as JSON, and the bodies of what is done with them."""

from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from billing import queries
from billing.api.lines import CodeField, LineItemSerializer, RateField, line_of
from billing.drafts import new_bills
from billing.drafts.forms import LONGEST_NOTE
from billing.models import Bill, BillMessage, Code, LedgerEntry, Method
from billing.money import ZERO, Line
from billing.paying.forms import LEAST, LONGEST_REASON, LONGEST_REFERENCE
from billing.services.editing import MAXIMUM_LINES, MAXIMUM_OTHER_DIAGNOSES
from billing.services.messages import HOW
from patients.models import Patient
from scheduling.queries import list_doctors_for
from synapse.accounts.models import ClinicSettings
from synapse.api.serializers import (
    KeyField,
    MoneyField,
    ResourceSerializer,
    StrictSerializer,
    UtcDateTimeField,
    person_of,
)

# Where `queries.paying_entries` of a page's bills are kept.
LOADED_PAYMENTS = "loaded_payments"


class BillPaymentSerializer(serializers.ModelSerializer[LedgerEntry]):
    """Money that came in for a bill or went back. One that was taken back counts no more."""

    payment = KeyField(read_only=True, allow_null=True, help_text="The payment it is a part of.")
    receipt_number = serializers.CharField(source="payment.receipt_number", default="", read_only=True)
    amount = MoneyField(read_only=True)
    method = serializers.ChoiceField(choices=Method.choices, allow_blank=True, read_only=True)
    at = UtcDateTimeField(read_only=True)
    by = KeyField(read_only=True, allow_null=True)
    is_reversed = serializers.BooleanField(read_only=True)

    class Meta:
        model = LedgerEntry
        fields = ("id", "kind", "payment", "receipt_number", "amount", "method", "reference", "at", "by", "is_reversed")
        read_only_fields = fields


class BillSerializer(ResourceSerializer[Bill]):
    """A bill. Paid and outstanding amounts follow from its ledger; of an issued one nothing is written any more."""

    patient = KeyField(read_only=True)
    session = KeyField(read_only=True, allow_null=True)
    appointment = KeyField(read_only=True, allow_null=True)
    doctor = KeyField(read_only=True, help_text="Whose visit is billed.")
    status = serializers.ChoiceField(
        choices=Bill.Status.choices,
        read_only=True,
        help_text="A draft is `pending`; late by the clinic's date is overdue.",
    )
    line_items = LineItemSerializer(  # type: ignore[call-arg]  # `many` takes more than its type says
        many=True, required=False, max_length=MAXIMUM_LINES
    )
    subtotal = MoneyField(read_only=True)
    discount_amount = MoneyField(min_value=ZERO, required=False)
    discount_percent = RateField(required=False, allow_null=True, help_text="Null: the discount is an amount.")
    prices_include_tax = serializers.BooleanField(required=False)
    tax_rate = RateField(required=False, help_text="Percent, of lines without a rate of their own.")
    tax_amount = MoneyField(read_only=True)
    total_amount = MoneyField(read_only=True)
    paid_amount = MoneyField(read_only=True)
    outstanding_amount = MoneyField(read_only=True)
    due_date = serializers.DateField(
        required=False, allow_null=True, help_text="Null of a draft: by the clinic's terms from the day it is issued."
    )
    primary_diagnosis_code = CodeField(system=Code.System.ICD10, required=False, allow_blank=True)
    other_diagnosis_codes = serializers.ListField(
        child=CodeField(system=Code.System.ICD10), required=False, max_length=MAXIMUM_OTHER_DIAGNOSES
    )
    procedure_codes = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Those of the lines."
    )
    place_of_service = CodeField(system=Code.System.PLACE, required=False, allow_blank=True)
    insurance_covered_amount = MoneyField(
        min_value=ZERO, required=False, allow_null=True, help_text="What the insurer is expected to pay."
    )
    patient_responsibility = MoneyField(
        min_value=ZERO, required=False, allow_null=True, help_text="The rest; name either of the two."
    )
    copay_amount = MoneyField(min_value=ZERO, required=False, allow_null=True)
    deductible_amount = MoneyField(min_value=ZERO, required=False, allow_null=True)
    payment_history = serializers.SerializerMethodField()
    notes = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_NOTE, help_text="Printed for the patient."
    )
    internal_notes = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_NOTE, help_text="For the clinic; on no document."
    )
    payment_instructions = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_NOTE)
    pdf_url = serializers.SerializerMethodField(help_text="Null of a draft that was cancelled.")
    exported_formats = serializers.ListField(child=serializers.CharField(), read_only=True)
    generated_by = KeyField(read_only=True)
    processed_by = KeyField(read_only=True, allow_null=True)

    columns = {
        "status": ("status", "due_date"),
        "payment_history": (),
        "pdf_url": ("status", "bill_number"),
    }

    class Meta:
        model = Bill
        fields = (
            *("id", "bill_number", "patient", "session", "appointment", "doctor", "bill_type", "purpose", "status"),
            *("currency", "line_items", "subtotal", "discount_amount", "discount_percent", "prices_include_tax"),
            *("tax_rate", "tax_amount", "total_amount", "paid_amount", "outstanding_amount", "bill_date", "due_date"),
            *("payment_terms", "primary_diagnosis_code", "other_diagnosis_codes", "procedure_codes"),
            *("place_of_service", "insurance_claim_number", "insurance_provider", "insurance_covered_amount"),
            *("patient_responsibility", "copay_amount", "deductible_amount", "payment_history", "payment_method"),
            *("last_payment_date", "notes", "internal_notes", "payment_instructions", "reminder_sent_count"),
            *("last_reminder_sent_at", "collection_status", "pdf_url", "exported_formats", "generated_by"),
            *("processed_by", "created_at", "updated_at"),
        )
        read_only_fields = (
            *("bill_number", "bill_type", "purpose", "currency", "bill_date", "insurance_claim_number"),
            *("insurance_provider", "payment_method", "last_payment_date", "reminder_sent_count"),
            *("last_reminder_sent_at", "collection_status", "created_at", "updated_at"),
        )

    def to_representation(self, instance: Bill) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if "status" in shown:
            shown["status"] = queries.status_on(instance, self._today)
        return shown

    @extend_schema_field(BillPaymentSerializer(many=True))
    def get_payment_history(self, bill: Bill) -> Any:
        entries = getattr(bill, LOADED_PAYMENTS, None)
        if entries is None:
            entries = queries.paying_entries().filter(bill=bill)
        return BillPaymentSerializer(entries, many=True, context=self.context).data

    @extend_schema_field({"type": ["string", "null"], "format": "uri"})
    def get_pdf_url(self, bill: Bill) -> str | None:
        if bill.status == Bill.Status.CANCELLED and not bill.bill_number:
            return None
        return reverse("bill-pdf", args=[bill.pk], request=self.context.get("request"))

    @cached_property
    def _today(self) -> date:
        return ClinicSettings.load().date_of(timezone.now())

    def validate_line_items(self, value: list[dict[str, Any]]) -> list[Line]:
        return [line_of(fields) for fields in value]


class OwnVisitField(KeyField):
    """A session or visit this person may bill, also where the record of it is not theirs to read."""

    def __init__(self, *, visits: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.visits = visits

    def get_queryset(self) -> Any:
        user = person_of(self)
        return self.visits(user) if user is not None else None


class ClinicianField(KeyField):
    """A clinician this person may bill for."""

    def get_queryset(self) -> Any:
        user = person_of(self)
        return list_doctors_for(user) if user is not None else None


class NewBillSerializer(BillSerializer):
    """A bill to draft. Without `line_items` its price is that of the fee schedule."""

    patient = KeyField(queryset=Patient.objects.all())
    session = OwnVisitField(visits=new_bills.sessions_to_bill, required=False, allow_null=True)
    appointment = OwnVisitField(visits=new_bills.visits_to_bill, required=False, allow_null=True)
    doctor = ClinicianField(
        required=False, allow_null=True, help_text="When not said, the visit's, or who asks. Reception names one."
    )
    bill_type = serializers.ChoiceField(
        choices=Bill.Type.choices, required=False, help_text="When not said, that of the session or visit."
    )
    currency = serializers.RegexField(
        r"^[A-Z]{3}\Z", required=False, help_text="ISO 4217, of two decimal places or none; the clinic's when not said."
    )

    class Meta(BillSerializer.Meta):
        read_only_fields = tuple(  # type: ignore[assignment]  # shorter
            name for name in BillSerializer.Meta.read_only_fields if name not in ("bill_type", "currency")
        )


class NewPaymentSerializer(StrictSerializer):
    amount = MoneyField(min_value=LEAST, help_text="In the bill's currency, at most what is open.")
    method = serializers.ChoiceField(choices=Method.choices)
    reference = serializers.CharField(
        max_length=LONGEST_REFERENCE, required=False, allow_blank=True, help_text="Number of the slip or the transfer."
    )


class RefundBillSerializer(StrictSerializer):
    amount = MoneyField(min_value=LEAST, help_text="At most what was paid.")
    reason = serializers.CharField(max_length=LONGEST_REASON)
    method = serializers.ChoiceField(
        choices=Method.choices, required=False, help_text="How it goes back; when not said, the way it came."
    )


class CancelBillSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=LONGEST_REASON)


class SendBillSerializer(StrictSerializer):
    how = serializers.ChoiceField(
        choices=sorted(HOW),
        required=False,
        help_text="`mail` sends a link and `attach` the file; `print` and `desk` note a bill on paper and one handed "
        "over. When not said: mail where the patient can be written to, else desk.",
    )


class RemindOfBillSerializer(StrictSerializer):
    stage = serializers.IntegerField(
        min_value=1, max_value=3, required=False, help_text="Which letter; when not said, the next one."
    )
    channel = serializers.ChoiceField(
        choices=BillMessage.Channel.choices, required=False, help_text="When not said, as the patient wants it."
    )
    early_reason = serializers.CharField(
        max_length=300,
        required=False,
        allow_blank=True,
        help_text="Lets it go out soon after the last letter, never twice on one day.",
    )

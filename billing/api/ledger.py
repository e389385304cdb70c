"""`/api/v1/ledger/` and `/api/v1/bills/<id>/ledger/`."""

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers

from billing.ledger import entries as ledger
from billing.models import Bill, LedgerEntry, Method
from patients.api.filters import PatientFilter
from synapse.accounts.roles import Permission
from synapse.api.serializers import KeyField, MoneyField, ResourceSerializer
from synapse.api.viewsets import ScopedViewSet


class LedgerEntrySerializer(ResourceSerializer[LedgerEntry]):
    """An entry of the ledger: never changed, a mistake is taken back by another one that names it in `reverses`."""

    patient = KeyField(read_only=True)
    bill = KeyField(read_only=True, allow_null=True, help_text="Null of a patient's credit that is on no bill.")
    reverses = KeyField(read_only=True, allow_null=True)
    is_reversed = serializers.BooleanField(read_only=True)
    payment = KeyField(read_only=True, allow_null=True)
    receipt_number = serializers.CharField(source="payment.receipt_number", default="", read_only=True)
    amount = MoneyField(read_only=True, help_text="Always above zero; the kind says the direction.")
    on_bill = serializers.SerializerMethodField(help_text="What it adds to what is open on its bill, with its sign.")
    on_credit = serializers.SerializerMethodField(help_text="What it adds to the patient's credit, with its sign.")
    method = serializers.ChoiceField(choices=Method.choices, allow_blank=True, read_only=True)
    by = KeyField(
        read_only=True, allow_null=True, help_text="Null when a payment provider or the clinic's own rules wrote it."
    )

    columns = {
        "is_reversed": (),
        "reverses": ("reverses", "reverses__kind"),
        "payment": ("payment", "payment__receipt_number"),
        "receipt_number": ("payment", "payment__receipt_number"),
        "on_bill": ("amount", "kind", "reverses", "reverses__kind"),
        "on_credit": ("amount", "kind", "reverses", "reverses__kind"),
    }

    class Meta:
        model = LedgerEntry
        fields = (
            *("id", "patient", "bill", "position", "kind", "reverses", "is_reversed", "payment", "receipt_number"),
            *("currency", "amount", "on_bill", "on_credit", "method", "reference", "reason", "at", "booked_on", "by"),
        )
        read_only_fields = fields

    @extend_schema_field(MoneyField())
    def get_on_bill(self, entry: LedgerEntry) -> str:
        return f"{ledger.on_bill(entry):.2f}"

    @extend_schema_field(MoneyField())
    def get_on_credit(self, entry: LedgerEntry) -> str:
        return f"{ledger.on_credit(entry):.2f}"


class LedgerFilters(django_filters.FilterSet):
    patient = PatientFilter()
    bill = django_filters.UUIDFilter(field_name="bill_id")
    payment = django_filters.UUIDFilter(field_name="payment_id")
    kind = django_filters.MultipleChoiceFilter(choices=LedgerEntry.Kind.choices, label="May be given several times.")
    method = django_filters.ChoiceFilter(choices=Method.choices)
    currency = django_filters.CharFilter()
    date_from = django_filters.DateFilter(field_name="booked_on", lookup_expr="gte", label="By the clinic's date.")
    date_to = django_filters.DateFilter(
        field_name="booked_on", lookup_expr="lte", label="By the clinic's date; this day included."
    )


@extend_schema_view(
    list=extend_schema(summary="List ledger entries", description="Of the patients in scope, the newest first."),
    retrieve=extend_schema(summary="Read a ledger entry"),
)
class LedgerViewSet(ScopedViewSet[LedgerEntry]):
    """What moved on the bills and the credit of the patients in scope."""

    model = LedgerEntry
    serializer_class = LedgerEntrySerializer
    filterset_class = LedgerFilters
    needs = {"*": Permission.VIEW_BILLS}
    related = ("reverses", "payment")
    always_loaded = ("patient", "position")
    orderings = {"at": ("at",)}
    cursor_ordering = ("-at", "-pk")

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        later = LedgerEntry.objects.filter(reverses=OuterRef("pk"))
        return super().get_queryset().annotate(is_reversed=Exists(later))

    def list_scope(self, rows: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
        return rows if "cursor" in self.request.query_params else rows.order_by("-at", "-pk")

    def version_of(self, row: LedgerEntry) -> object:
        return row.position


@extend_schema_view(
    list=extend_schema(
        summary="List a bill's ledger entries", description="The first entry first; they sum to what is open."
    )
)
class BillLedgerViewSet(LedgerViewSet):
    """The entries of one bill."""

    cursor_ordering = ("position", "pk")

    @cached_property
    def bill(self) -> Bill:
        """Return the bill of the address; raise Http404 for one out of scope."""
        return get_object_or_404(Bill.objects.visible_to(self.request.user).only("pk"), pk=self.kwargs["bill_pk"])

    def scope(self) -> QuerySet[LedgerEntry]:
        return LedgerEntry.objects.filter(bill=self.bill)

    def list_scope(self, rows: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
        return rows if "cursor" in self.request.query_params else rows.order_by("position")

"""`/api/v1/bills/`."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response

from billing import queries
from billing.api import examples
from billing.api.serializers import (
    LOADED_PAYMENTS,
    BillSerializer,
    CancelBillSerializer,
    NewBillSerializer,
    NewPaymentSerializer,
    RefundBillSerializer,
    RemindOfBillSerializer,
    SendBillSerializer,
)
from billing.documents.sheets import INSURER, PATIENT, sheet_of, to_pdf
from billing.models import Bill
from billing.services import corrections, drafting, editing, issuing, messages, payments, reminders
from patients.api.filters import PatientFilter
from patients.api.nested import OfPatient
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.accounts.scopes import Scope
from synapse.api.access import check_scope
from synapse.api.errors import BadInput
from synapse.api.filters import refuse_unknown
from synapse.api.idempotency import idempotent, own_id
from synapse.api.schema import ErrorSerializer
from synapse.api.viewsets import ApiRequest, Creates, ScopedViewSet, Updates

COPIES = (PATIENT, INSURER)


class BillFilters(django_filters.FilterSet):
    patient = PatientFilter()
    session = django_filters.UUIDFilter(field_name="session_id")
    appointment = django_filters.UUIDFilter(field_name="appointment_id")
    doctor = django_filters.UUIDFilter(field_name="doctor_id")
    status = django_filters.MultipleChoiceFilter(
        method="in_status", choices=Bill.Status.choices, label="May be given several times."
    )
    bill_type = django_filters.ChoiceFilter(choices=Bill.Type.choices)
    bill_number = django_filters.CharFilter()
    bill_date_from = django_filters.DateFilter(field_name="bill_date", lookup_expr="gte")
    bill_date_to = django_filters.DateFilter(field_name="bill_date", lookup_expr="lte")
    due_before = django_filters.DateFilter(field_name="due_date", lookup_expr="lt")
    currency = django_filters.CharFilter()
    collection_status = django_filters.ChoiceFilter(choices=Bill.Collection.choices)

    def in_status(self, bills: QuerySet[Bill], name: str, statuses: list[str]) -> QuerySet[Bill]:
        today = ClinicSettings.load().date_of(timezone.now())
        return bills.filter(queries.in_status(statuses, today)) if statuses else bills


@extend_schema_view(
    list=extend_schema(summary="List bills", description="Those in scope, the newest first."),
    create=extend_schema(
        summary="Draft a bill",
        description="Of a completed session or a visit that has none yet, or of neither. It has no number yet.",
        examples=[examples.NEW_BILL, examples.BILL],
    ),
    retrieve=extend_schema(summary="Read a bill", examples=[examples.BILL]),
    update=extend_schema(summary="Change a draft bill", description="Once a bill has its number it is fixed: 409."),
    partial_update=extend_schema(
        summary="Change a draft bill", description="Once a bill has its number it is fixed: 409."
    ),
)
class BillViewSet(Creates, Updates, ScopedViewSet[Bill]):
    """Bills of the patients in scope."""

    model = Bill
    serializer_class = BillSerializer
    input_class = NewBillSerializer
    filterset_class = BillFilters
    needs = {
        "*": Permission.VIEW_BILLS,
        "create": Permission.RECORD_PAYMENTS,
        "update": Permission.RECORD_PAYMENTS,
        "payment": Permission.RECORD_PAYMENTS,
        "send": Permission.RECORD_PAYMENTS,
        "send_reminder": Permission.RECORD_PAYMENTS,
        "cancel": Permission.REFUND_BILLS,
        "refund": Permission.REFUND_BILLS,
    }
    throttle_scopes = {"pdf": "export"}
    always_loaded = ("updated_at", "patient")
    orderings = {name: (name,) for name in ("bill_number", "bill_date", "due_date", "status", "created_at")}

    def get_queryset(self) -> QuerySet[Bill]:
        bills = super().get_queryset()
        if self.request.method != "GET" or "payment_history" not in self.answer_serializer().shown_names():
            return bills
        return bills.prefetch_related(
            Prefetch("ledger_entries", queryset=queries.paying_entries(), to_attr=LOADED_PAYMENTS)
        )

    def list_scope(self, rows: QuerySet[Bill]) -> QuerySet[Bill]:
        return rows if "cursor" in self.request.query_params else rows.order_by("-created_at", "-pk")

    def create_object(self, fields: dict[str, Any]) -> Bill:
        patient, lines = fields.pop("patient"), fields.pop("line_items", None)
        visit = {name: fields.pop(name, None) for name in ("session", "appointment", "doctor", "bill_type")}
        currency = fields.pop("currency", "")
        return drafting.draft_by_hand(
            patient, **visit, currency=currency, lines=lines, said=fields, by=self.request.user, at=timezone.now()
        )

    def update_object(self, row: Bill, fields: dict[str, Any]) -> Bill:
        return editing.revise_draft(row, fields, by=self.request.user, at=timezone.now())

    @extend_schema(
        summary="Record a payment on a bill",
        description="A draft gets its number first. With the same `Idempotency-Key` it is paid once, also after a day. The "
        "method `insurance` settles the claim of the bill that waits for its insurer.",
        request=NewPaymentSerializer,
        responses={200: BillSerializer},
        examples=[examples.PAYMENT],
        filters=False,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def payment(self, request: ApiRequest, pk: UUID) -> Response:
        bill = self.row()
        fields = self.input(NewPaymentSerializer)
        with self.held(bill):
            payments.record_payment(bill, **fields, key=own_id(request), by=request.user, at=timezone.now())
        return self.answer(bill)

    @extend_schema(
        summary="Refund money on a bill",
        description="All of it ends the bill as refunded. Needs the bill's doctor or an administrator.",
        request=RefundBillSerializer,
        responses={200: BillSerializer},
        examples=[examples.REFUND],
        filters=False,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def refund(self, request: ApiRequest, pk: UUID) -> Response:
        bill = self.row()
        fields = self.input(RefundBillSerializer)
        with self.held(bill):
            corrections.refund_payment(bill, **fields, key=own_id(request), by=request.user, at=timezone.now())
        return self.answer(bill)

    @extend_schema(
        summary="Cancel a bill",
        description="One on which nothing was paid; its number stays taken. Needs the bill's doctor or an administrator.",
        request=CancelBillSerializer,
        responses={200: BillSerializer},
        filters=False,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: ApiRequest, pk: UUID) -> Response:
        bill = self.row()
        fields = self.input(CancelBillSerializer)
        with self.held(bill):
            corrections.cancel_bill(bill, **fields, by=request.user, at=timezone.now())
        return self.answer(bill)

    @extend_schema(
        summary="Send a bill",
        description="A draft gets its number first. A mail is queued and leaves within a minute.",
        request=SendBillSerializer,
        responses={200: BillSerializer},
        filters=False,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def send(self, request: ApiRequest, pk: UUID) -> Response:
        bill = self.row()
        how = self.input(SendBillSerializer).get("how") or messages.way_to(bill.patient)
        with self.held(bill):
            messages.send_invoice(bill, how=how, by=request.user, at=timezone.now())
        return self.answer(bill)

    @extend_schema(
        summary="Remind of an overdue bill",
        description="The letter is queued; the bill counts it when it went out, a printed one at once.",
        request=RemindOfBillSerializer,
        responses={200: BillSerializer},
        filters=False,
    )
    @action(detail=True, methods=["post"], url_path="send-reminder")
    @idempotent
    def send_reminder(self, request: ApiRequest, pk: UUID) -> Response:
        bill = self.row()
        fields = self.input(RemindOfBillSerializer)
        with self.held(bill):
            reminders.remind(bill, **fields, by=request.user, at=timezone.now())
        return self.answer(bill)

    @extend_schema(
        summary="Read a bill as a PDF",
        description="A draft gets its number first; that changes it, so a token needs the scope “write” as well.",
        parameters=[
            OpenApiParameter(
                "copy", str, enum=COPIES, description="The patient's copy when not said; the insurer's has diagnoses."
            )
        ],
        responses={
            (200, "application/pdf"): OpenApiTypes.BINARY,
            409: OpenApiResponse(ErrorSerializer, description="A draft that cannot get its number yet."),
        },
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def pdf(self, request: ApiRequest, pk: UUID) -> HttpResponse:
        refuse_unknown(request, {"copy"})
        copy = request.query_params.get("copy", PATIENT)
        if copy not in COPIES:
            raise BadInput({"copy": f"Send one of: {', '.join(COPIES)}."})
        bill = get_object_or_404(queries.list_bills(request.user), pk=pk)
        if not bill.bill_number:
            check_scope(request, Scope.WRITE)
            issuing.issue_bill(bill, by=request.user, at=timezone.now())
        sheet = sheet_of("invoice", bill=bill, copy=copy)
        content = to_pdf(sheet)
        issuing.note_export(bill, "pdf", by=request.user, at=timezone.now())
        headers = {"Content-Disposition": f'attachment; filename="{sheet.file_name}"'}
        return HttpResponse(content, content_type="application/pdf", headers=headers)


@extend_schema_view(list=extend_schema(summary="List a patient's bills", description="The newest first."))
class PatientBillViewSet(OfPatient, BillViewSet):
    """`/api/v1/patients/<id>/bills/`."""

    def scope(self) -> QuerySet[Bill]:
        return super().scope().filter(patient__in=self.patient.records())

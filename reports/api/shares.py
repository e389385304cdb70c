"""`/api/v1/reports/<id>/shares/`: the links to a report, ending them, and printing what a patient was given."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action

from reports import services
from reports.api.reading import READERS
from reports.api.reports import file_response
from reports.models import Report, ReportShare, ShareOpening
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.api.serializers import KeyField, ResourceSerializer
from synapse.api.viewsets import ApiRequest, Deletes, ScopedViewSet


class ReportShareOpeningSerializer(serializers.ModelSerializer[ShareOpening]):
    """One time a link was used."""

    class Meta:
        model = ShareOpening
        fields = ("opened_at", "device", "address")
        read_only_fields = fields


class ReportShareSerializer(ResourceSerializer[ReportShare]):
    """A link to a report; its address was shown when it was made."""

    report = KeyField(read_only=True)
    has_pin = serializers.SerializerMethodField()
    openings = ReportShareOpeningSerializer(many=True, read_only=True, help_text="Who opened it, the latest last.")
    shared_by = KeyField(read_only=True)
    revoked_by = KeyField(read_only=True)

    columns = {"has_pin": ("pin_hash",), "with": ("audience",)}

    class Meta:
        model = ReportShare
        fields: tuple[str, ...] = (
            *("id", "report", "with", "document", "email", "has_pin", "reason", "mailed_at", "expires_at", "uses_left"),
            *("openings", "shared_by", "revoked_at", "revoked_by", "created_at", "updated_at"),
        )
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        # `with` is a word of the language, so no attribute can bear it.
        audience = serializers.ChoiceField(choices=ReportShare.Audience.choices, source="audience", read_only=True)
        self._declared_fields = {"with": audience, **self._declared_fields}
        return super().get_fields()

    @classmethod
    def readable(cls, user: User) -> frozenset[str] | None:
        if user.may(Permission.WRITE_REPORTS):
            return None
        return frozenset(cls.Meta.fields) - {"openings", "reason"}

    def get_has_pin(self, share: ReportShare) -> bool:
        return bool(share.pin_hash)


@extend_schema_view(
    list=extend_schema(
        summary="List a report's links", description="For reception only what may be printed for the patient."
    ),
    retrieve=extend_schema(summary="Read one link to a report"),
    destroy=extend_schema(summary="End a link to a report", description="At once, also for who has just opened it."),
)
class ReportShareViewSet(Deletes, ScopedViewSet[ReportShare]):
    """Links to one report."""

    model = ReportShare
    serializer_class = ReportShareSerializer
    needs = {"*": READERS, "destroy": Permission.WRITE_REPORTS, "hand_over": Permission.HAND_OVER_REPORTS}
    throttle_scopes = {"hand_over": "export"}
    orderings = {"created_at": ("created_at",), "expires_at": ("expires_at",)}
    always_loaded = ("updated_at", "created_at", "report")

    @cached_property
    def report(self) -> Report:
        """Return the report of the address; raise Http404 for one out of scope."""
        reports = Report.objects.state_visible_to(self.request.user).select_related("session")
        rows = reports.only("session", "session__patient")
        return get_object_or_404(rows, pk=self.kwargs["report_pk"])

    def scope(self) -> QuerySet[ReportShare]:
        shares = ReportShare.objects.filter(report=self.report)
        return shares if self.request.user.may(Permission.VIEW_REPORTS) else shares.to_hand_over()

    def get_queryset(self) -> QuerySet[ReportShare]:
        rows = super().get_queryset()
        if self.request.method in {"GET", "HEAD"} and "openings" in self.answer_serializer().shown_names():
            rows = rows.prefetch_related("openings")
        return rows

    def list_scope(self, rows: QuerySet[ReportShare]) -> QuerySet[ReportShare]:
        return rows.order_by("-created_at", "-pk")

    def version_of(self, row: ReportShare) -> object:
        return row.updated_at

    def patient_of(self, row: ReportShare) -> UUID:
        return self.report.session.patient_id

    def delete_object(self, row: ReportShare) -> None:
        services.revoke_share(row, by=self.request.user, at=timezone.now())

    @extend_schema(
        summary="Print what was shared with a patient",
        description="By reception, while the clinician has not ended it.",
        request=None,
        responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, description="The document.")},
    )
    @action(detail=True, methods=["post"], url_path="hand-over")
    def hand_over(self, request: ApiRequest, report_pk: str, pk: str) -> HttpResponse:
        rows = self.get_queryset().select_related(
            "report__session__patient", "report__session__doctor", "report__signed_by"
        )
        share = get_object_or_404(rows, pk=pk)
        with self.held(share):
            document = services.hand_over(share, by=request.user, at=timezone.now())
        return file_response(document)

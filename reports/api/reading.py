"""How reports are listed and opened, wherever their address is."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.response import Response

from patients.api.filters import PatientFilter
from reports import permissions, queries, services
from reports.api.serializers import CONTENT, ReportSerializer
from reports.models import Report
from synapse.accounts.roles import Permission
from synapse.api.filters import ROW_PARAMETERS, refuse_unknown
from synapse.api.viewsets import ApiRequest, ScopedViewSet

READERS = (Permission.VIEW_REPORTS, Permission.HAND_OVER_REPORTS)
# What the verbs of a report look at.
WHOLE = ("session__patient", "session__doctor", "transcription", "template", "signed_by", "amends")


class ReportFilters(django_filters.FilterSet):
    session = django_filters.UUIDFilter(field_name="session_id")
    patient = PatientFilter("session__patient")
    doctor = django_filters.UUIDFilter(field_name="session__doctor_id", label="The doctor of the session.")
    template = django_filters.UUIDFilter(field_name="template_id")
    status = django_filters.ChoiceFilter(choices=Report.Status.choices)
    report_type = django_filters.ChoiceFilter(choices=Report.Type.choices)
    latest = django_filters.BooleanFilter(method="of_latest", label="Only the newest version of each report.")
    signed_after = django_filters.IsoDateTimeFilter(field_name="signed_at", lookup_expr="gt")
    signed_before = django_filters.IsoDateTimeFilter(field_name="signed_at", lookup_expr="lt")
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gt")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    updated_after = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gt")

    def of_latest(self, reports: QuerySet[Report], name: str, is_wanted: bool) -> QuerySet[Report]:
        return queries.latest_versions(reports) if is_wanted else reports


class ReportReading(ScopedViewSet[Report]):
    """Reports in scope: for reception their state alone."""

    model = Report
    serializer_class = ReportSerializer
    filterset_class = ReportFilters
    orderings = {
        "session": ("session__session_id", "version"),
        "version": ("version",),
        "status": ("status",),
        "signed_at": ("signed_at",),
        "created_at": ("created_at",),
        "updated_at": ("updated_at",),
    }
    related = ("session",)
    always_loaded = ("updated_at", "created_at", "session", "session__patient")

    def scope(self) -> QuerySet[Report]:
        return Report.objects.state_visible_to(self.request.user)

    def get_queryset(self) -> QuerySet[Report]:
        """Load a row whole when its words are shown: the seal covers all of it."""
        if getattr(self, "swagger_fake_view", False) or not self.shows_content():
            return super().get_queryset()
        if self.request.method in {"GET", "HEAD"}:
            return self.scope().select_related("session")
        return self.scope().select_related(*WHOLE)

    def shows_content(self) -> bool:
        """Tell whether the answer holds words of the report."""
        return self.request.method not in {"GET", "HEAD"} or not CONTENT.isdisjoint(
            self.answer_serializer().shown_names()
        )

    def list_scope(self, rows: QuerySet[Report]) -> QuerySet[Report]:
        return rows.order_by("-created_at", "-pk")

    def paginate_queryset(self, queryset: Any) -> Any:
        page: list[Report] | None = super().paginate_queryset(queryset)
        if self.action == "list" and page is not None and self.shows_content():
            broken = services.broken_ones(page, by=self.request.user)
            for report in page:
                report.is_withheld = report.pk in broken  # type: ignore[attr-defined]  # read by the serializer
        return page

    def patient_of(self, row: Report) -> UUID:
        return row.session.patient_id

    def retrieve(self, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request, ROW_PARAMETERS)
        row = self.opened() if self.shows_content() else self.row()
        self.record_reading(row)
        return self.answer(row)

    def opened(self) -> Report:
        """Return the report of the address as it is read: a draft's evidence up to its transcript, a seal that holds.

        Raises SealBroken.
        """
        report = self.row()
        user = self.request.user
        if report.is_draft and permissions.can_edit(user, report) and services.is_evidence_stale(report):
            report = services.rebind_evidence(report, at=timezone.now())
        services.require_whole(report, by=user)
        return report

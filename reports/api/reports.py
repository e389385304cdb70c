"""`/api/v1/reports/`."""

from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response

from reports import services
from reports.api import examples
from reports.api.reading import READERS, ReportReading
from reports.api.report_parts import CitedSentenceSerializer
from reports.api.serializers import (
    AmendReportSerializer,
    CreatedReportShareSerializer,
    ExportReportSerializer,
    NewReportShareSerializer,
    ReportChangeSerializer,
    ReportSerializer,
    SignReportSerializer,
)
from reports.models import Report
from reports.printing import exports, representation
from synapse.accounts import step_up
from synapse.accounts.roles import Permission
from synapse.api.errors import BadInput
from synapse.api.filters import refuse_unknown
from synapse.api.idempotency import idempotent
from synapse.api.viewsets import ApiRequest, Updates

# Which part of a body names what is not in the report.
_NAMED_IN = {"line": "sentences", "section": "sentences", "risk statement": "dispositions"}
CHANGE = extend_schema(
    summary="Change a draft report",
    description="PUT and PATCH are both partial. All changes are made or none; a signed report does not change (409).",
    examples=[examples.EDIT],
)


@extend_schema_view(
    list=extend_schema(
        summary="List reports",
        description="Every version in scope, the newest first, without its words unless `fields` asks for them. "
        "The words of a report that was changed after it was signed are absent.",
    ),
    retrieve=extend_schema(
        summary="Read a report",
        description="The evidence of a draft is brought up to its transcript first. One that was changed after it was "
        "signed is refused (409 `seal_broken`).",
        examples=[examples.REPORT],
    ),
    update=CHANGE,
    partial_update=CHANGE,
)
class ReportViewSet(Updates, ReportReading):
    """Reports, and what is done with them."""

    update_class = ReportChangeSerializer
    needs = {"*": Permission.WRITE_REPORTS, "list": READERS, "retrieve": READERS, "evidence": Permission.VIEW_REPORTS}
    throttle_scopes = {"sign": "password", "export": "export"}
    shown_once = ("url",)

    def shows_content(self) -> bool:
        return self.action == "evidence" or super().shows_content()

    def update_object(self, row: Report, fields: dict[str, Any]) -> Report:
        try:
            return services.revise_report(
                row,
                changes=fields.get("sentences", []),
                dispositions={one["id"]: one["disposition"] for one in fields.get("dispositions", [])},
                notes=fields.get("correction_notes"),
                by=self.request.user,
                at=timezone.now(),
            )
        except services.NotInReport as error:
            refuse_name(error)

    @extend_schema(summary="Mark a draft report as read", request=None, responses=ReportSerializer)
    @action(detail=True, methods=["post"])
    def review(self, request: ApiRequest, pk: str) -> Response:
        row = self.row()
        with self.held(row):
            row = services.mark_reviewed(row, by=request.user, at=timezone.now())
        return self.answer(row)

    @extend_schema(
        summary="Sign a report",
        description="By the session's doctor, with the password asked for again. What is still to do first is 409 "
        "`not_ready_to_sign`: its `fields` name each place, such as `sentences.s4` or `sections.plan`.",
        request=SignReportSerializer,
        responses=ReportSerializer,
        examples=[examples.SIGNING],
    )
    @action(detail=True, methods=["post"])
    def sign(self, request: ApiRequest, pk: str) -> Response:
        row = self.row()
        body = self.input(SignReportSerializer)
        with self.held(row):
            services.check_ready(row, by=request.user)
        # Outside of every transaction: a wrong password has to stay on record.
        services.check_signing_password(request.user, body["password"], body["otp"], at=timezone.now())
        with self.held(row):
            row = services.sign_report(
                row, by=request.user, at=timezone.now(), password_checked=True, replace_reason=body["reason"]
            )
        return self.answer(row)

    @extend_schema(
        summary="Amend a signed report",
        description="Makes the next version as a copy to change and sign; the signed one stays.",
        request=AmendReportSerializer,
        responses={201: ReportSerializer},
        examples=[examples.AMENDING],
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def amend(self, request: ApiRequest, pk: str) -> Response:
        row = self.row()
        reason = self.input(AmendReportSerializer)["reason"]
        with self.held(row):
            amended = services.amend_report(row, reason=reason, by=request.user, at=timezone.now())
        return self.answer(amended, status_code=201)

    @extend_schema(
        summary="Export a report",
        description="Answers with the file itself. A draft says on every page that it is one.",
        request=ExportReportSerializer,
        responses={
            (200, media_type): OpenApiResponse(
                OpenApiTypes.OBJECT if "json" in media_type else OpenApiTypes.BINARY, description="The file."
            )
            for media_type in exports.MEDIA_TYPES
        },
        examples=[examples.EXPORT],
    )
    @action(detail=True, methods=["post"])
    def export(self, request: ApiRequest, pk: str) -> HttpResponse:
        row = self.row()
        step_up.check(request)
        file_type = self.input(ExportReportSerializer)["format"]
        with self.held(row):
            document = services.export_report(row, file_type=file_type, by=request.user, at=timezone.now())
        return file_response(document)

    @extend_schema(
        summary="Share a signed report by link",
        request=NewReportShareSerializer,
        responses={201: CreatedReportShareSerializer},
        examples=[examples.SHARING],
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def share(self, request: ApiRequest, pk: str) -> Response:
        row = self.row()
        step_up.check(request)
        terms = self.input(NewReportShareSerializer)
        with self.held(row):
            made = services.share_report(row, audience=terms.pop("with"), **terms, by=request.user, at=timezone.now())
        share = made.share
        answer = {
            "id": share.pk,
            "url": f"{settings.BASE_URL}{made.path}",
            "expires_at": share.expires_at,
            "uses_left": share.uses_left,
        }
        return Response(CreatedReportShareSerializer(answer).data, status=201)

    @extend_schema(
        summary="List a report's evidence",
        description="Every sentence in reading order, with the segments, quotes and times it cites.",
        responses=CitedSentenceSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def evidence(self, request: ApiRequest, pk: str) -> Response:
        refuse_unknown(request, {"page", "page_size", "cursor"})
        report = self.opened()
        page = self.paginate_queryset(representation.evidence_as_json(report))
        self.record_reading(report, part="evidence")
        return self.get_paginated_response(page)


def refuse_name(error: services.NotInReport) -> NoReturn:
    """Say which name of the body is not in the report. Raises BadInput."""
    message = f"There is no {error.what.replace('line', 'sentence')} “{error.name}” in this report."
    raise BadInput({_NAMED_IN[error.what]: message}) from None


def file_response(document: exports.Document) -> HttpResponse:
    """Answer with a file; its name holds no patient's name."""
    response = HttpResponse(document.content, content_type=document.content_type)
    response["Content-Disposition"] = f'attachment; filename="{document.file_name}"'
    return response

"""Reports under the addresses of patients and sessions."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.response import Response

from patients.api.nested import OfPatient
from reports import services
from reports.api import examples
from reports.api.reading import READERS, ReportReading
from reports.api.serializers import NewReportSerializer, ReportSerializer
from reports.models import Report
from sessions_app.models import ConsultationSession
from synapse.accounts.roles import Permission
from synapse.api.idempotency import idempotent
from synapse.api.viewsets import ApiRequest, ApiView


@extend_schema_view(list=extend_schema(summary="List a patient's reports", description="As `/reports/`."))
class PatientReportViewSet(OfPatient, ReportReading):
    """Reports of one patient, also of records merged into theirs."""

    needs = {"*": READERS}

    def scope(self) -> QuerySet[Report]:
        return super().scope().filter(session__patient__in=self.patient.records())


class GenerateReportView(ApiView):
    """Have a report of a session written."""

    needs = {"*": Permission.WRITE_REPORTS}
    throttle_scopes = {"POST": "generate"}

    @extend_schema(
        summary="Generate a report of a session",
        description="Makes the next version and queues its writing: read it until `status` is `completed` or `failed`. "
        "409 `report_running` while one is being written, 409 `no_speech` when nothing was said.",
        request=NewReportSerializer,
        responses={202: ReportSerializer},
        examples=[examples.GENERATING],
    )
    def post(self, request: ApiRequest, session_pk: str) -> Response:
        sessions = ConsultationSession.objects.visible_to(request.user).select_related("doctor", "patient")
        return self._generate(request, get_object_or_404(sessions, pk=session_pk))

    post.is_idempotent = True  # type: ignore[attr-defined]  # by `_generate`; read by the schema

    @idempotent
    def _generate(self, request: ApiRequest, session: ConsultationSession) -> Response:
        body = NewReportSerializer(data=request.data, context={"request": request})
        body.is_valid(raise_exception=True)
        report = services.request_report(session, **body.validated_data, by=request.user, at=timezone.now())
        return self.answer_as(ReportSerializer, report, 202)

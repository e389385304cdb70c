"""The only place that joins the apps' addresses under `/api/v1/`."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from billing.api.bills import BillViewSet, PatientBillViewSet
from billing.api.ledger import BillLedgerViewSet, LedgerViewSet
from patients.api.consents import ConsentViewSet
from patients.api.patients import PatientViewSet
from patients.api.shares import ShareViewSet
from patients.api.trail import AuditTrailViewSet
from reports.api.nested import GenerateReportView, PatientReportViewSet
from reports.api.reports import ReportViewSet
from reports.api.shares import ReportShareViewSet
from reports.api.templates import TemplateViewSet
from scheduling.api.appointments import AppointmentViewSet, PatientAppointmentViewSet
from scheduling.api.availability import AvailabilityViewSet
from scheduling.api.closures import ClosureViewSet
from scheduling.api.free_slots import FreeSlotsView
from scheduling.api.time_off import TimeOffViewSet
from sessions_app.api.audio import SessionAudioView
from sessions_app.api.sessions import PatientSessionViewSet, SessionViewSet
from sessions_app.api.transcriptions import SessionTranscriptionViewSet, TranscriptionViewSet
from sessions_app.api.uploads import UploadViewSet
from synapse import api_docs
from synapse.accounts.api.profile import LogoView, ProfileView
from synapse.accounts.api.sign_in import TokenView, TokenViewSet
from synapse.webhooks.api import DeliveryViewSet, WebhookViewSet

router = SimpleRouter(use_regex_path=False)
router.register("tokens", TokenViewSet, basename="token")
router.register("patients", PatientViewSet, basename="patient")
OF_PATIENT = "patients/<uuid:patient_pk>"
router.register("reports", ReportViewSet, basename="report")
router.register("reports/<uuid:report_pk>/shares", ReportShareViewSet, basename="report-share")
router.register("templates", TemplateViewSet, basename="template")
router.register(f"{OF_PATIENT}/consents", ConsentViewSet, basename="consent")
router.register(f"{OF_PATIENT}/shares", ShareViewSet, basename="share")
router.register("webhooks", WebhookViewSet, basename="webhook")
router.register("webhooks/<uuid:webhook_pk>/deliveries", DeliveryViewSet, basename="webhook-delivery")
router.register("sessions", SessionViewSet, basename="session")
router.register("sessions/<uuid:session_pk>/audio/uploads", UploadViewSet, basename="session-upload")
router.register("transcriptions", TranscriptionViewSet, basename="transcription")
router.register("appointments", AppointmentViewSet, basename="appointment")
router.register("bills", BillViewSet, basename="bill")
router.register("ledger", LedgerViewSet, basename="ledger-entry")
router.register("availability/time-off", TimeOffViewSet, basename="time-off")
router.register("availability/closures", ClosureViewSet, basename="closure")
router.register("availability", AvailabilityViewSet, basename="availability")

urlpatterns = [
    path(f"{OF_PATIENT}/reports/", PatientReportViewSet.as_view({"get": "list"}), name="patient-reports"),
    path("sessions/<uuid:session_pk>/generate-report/", GenerateReportView.as_view(), name="session-generate-report"),
    path("schema/", api_docs.schema, name="api_schema"),
    path("docs/", api_docs.docs, name="api_docs"),
    path(f"{OF_PATIENT}/audit/", AuditTrailViewSet.as_view({"get": "list"}), name="patient-audit"),
    path(f"{OF_PATIENT}/sessions/", PatientSessionViewSet.as_view({"get": "list"}), name="patient-sessions"),
    path("sessions/<uuid:pk>/audio/", SessionAudioView.as_view(), name="session-audio"),
    path(
        "sessions/<uuid:pk>/transcription/",
        SessionTranscriptionViewSet.as_view({"get": "retrieve"}),
        name="session-transcription",
    ),
    path(
        f"{OF_PATIENT}/appointments/",
        PatientAppointmentViewSet.as_view({"get": "list"}),
        name="patient-appointments",
    ),
    path("free-slots/", FreeSlotsView.as_view(), name="free-slots"),
    path(f"{OF_PATIENT}/bills/", PatientBillViewSet.as_view({"get": "list"}), name="patient-bills"),
    path("bills/<uuid:bill_pk>/ledger/", BillLedgerViewSet.as_view({"get": "list"}), name="bill-ledger"),
    path("auth/token/", TokenView.as_view(), name="auth_token"),
    path("profile/", ProfileView.as_view(), name="api_profile"),
    path("profile/logo/", LogoView.as_view(), name="api_profile_logo"),
    path("", include(router.urls)),
]

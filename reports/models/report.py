"""Reports: sections of sentences, each tied to what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient, PatientAccess
from reports.models.templates import ReportTemplate
from sessions_app.models import ConsultationSession, Transcription
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedJSONField, EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class ReportQuerySet(models.QuerySet["Report"]):
    def visible_to(self, user: User) -> ReportQuerySet:
        """Return the reports of a doctor's patients; for admins the signed ones."""
        if not user.may(Permission.VIEW_REPORTS):
            return self.none()
        # Whoever opens every session needs no look at them: the list then runs on an index of its order.
        opens_all = user.may(Permission.VIEW_SESSIONS) and user.may(Permission.VIEW_ALL_PATIENTS)
        kept = self.filter(session__erased_at=None)
        of_sessions = Q() if opens_all else Q(session__in=ConsultationSession.objects.visible_to(user))
        if user.may(Permission.WRITE_REPORTS):
            return kept.filter(of_sessions | _signed_ones_in_an_emergency(user))
        return kept.filter(of_sessions, status=Report.Status.SIGNED)

    def state_visible_to(self, user: User) -> ReportQuerySet:
        """Return also those of which a person may know only that they are there, and whether they are signed."""
        if user.may(Permission.HAND_OVER_REPORTS) and not user.may(Permission.VIEW_REPORTS):
            return self.filter(session__patient__in=Patient.objects.visible_to(user), erased_at=None)
        return self.visible_to(user)


def _signed_ones_in_an_emergency(user: User) -> Q:
    emergencies = PatientAccess.objects.open().filter(doctor=user, source=PatientAccess.Source.EMERGENCY)
    return Q(status=Report.Status.SIGNED, session__patient__in=emergencies.values("patient_id"))


ReportManager = models.Manager.from_queryset(ReportQuerySet)


class Report(Timestamped):
    """One version of one report of one session. After signing nothing in it changes."""

    class Type(models.TextChoices):
        CONSULTATION = "consultation", "Consultation"
        FOLLOWUP = "followup", "Follow-up"
        DIAGNOSTIC = "diagnostic", "Diagnostic"
        TREATMENT_PLAN = "treatment_plan", "Treatment plan"
        DISCHARGE = "discharge", "Discharge"
        REFERRAL = "referral", "Referral"

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        GENERATING = "generating", "Being written"
        COMPLETED = "completed", "Draft"
        FAILED = "failed", "Failed"
        SIGNED = "signed", "Signed"

    TRANSITIONS = {
        Status.PENDING: {Status.GENERATING, Status.FAILED},
        Status.GENERATING: {Status.COMPLETED, Status.FAILED},
        Status.COMPLETED: {Status.SIGNED},
        Status.FAILED: {Status.PENDING},
        Status.SIGNED: set(),
    }
    RUNNING = (Status.PENDING, Status.GENERATING)

    session = models.ForeignKey(ConsultationSession, on_delete=models.PROTECT, related_name="reports")
    template = models.ForeignKey(ReportTemplate, on_delete=models.PROTECT, related_name="reports")
    transcription = models.ForeignKey(Transcription, on_delete=models.PROTECT, related_name="reports")
    report_type = models.CharField(max_length=20, choices=Type.choices)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PENDING)
    version = models.PositiveIntegerField(default=1)
    amends = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="amendments")
    amend_reason = EncryptedTextField(blank=True, default="")
    converted_from = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="conversions"
    )
    is_provisional = models.BooleanField(
        default=False, help_text="Written from live words; lines nobody touched are written again from the transcript."
    )

    template_version = models.PositiveIntegerField(default=1)
    template_structure = models.JSONField(
        default=dict, help_text="Name, slug and sections as they were when it was asked for."
    )
    structured_data = EncryptedJSONField(
        default=list, blank=True, help_text="Contract section 4: the list of sections."
    )
    generated_content = EncryptedTextField(blank=True, default="")
    missing = EncryptedJSONField(default=list, blank=True, help_text="Said but not in the report.")
    unassigned = EncryptedJSONField(default=list, blank=True, help_text="Findings that fit no section.")
    risk_statements = EncryptedJSONField(
        default=list,
        blank=True,
        help_text="reports.content.RiskStatement: what was said about risk, and its disposition.",
    )
    applied_rules = models.JSONField(
        default=list, blank=True, help_text="Ids of the learned style rules it was written with."
    )
    checked_sections = models.JSONField(
        default=list, blank=True, help_text="Ids of sections the doctor marked checked."
    )
    evidence_bound_at = models.DateTimeField(
        null=True, blank=True, help_text="Corrections of the transcript after this time are not in the evidence yet."
    )
    revision = models.PositiveIntegerField(default=0, help_text="Raised by each edit; a stale edit is refused.")

    engine = models.CharField(max_length=20, blank=True, default="")
    ai_model = models.CharField(max_length=80, blank=True, default="")
    prompt_version = models.CharField(max_length=40, blank=True, default="")
    token_usage = models.JSONField(default=dict, blank=True)
    generation_started_at = models.DateTimeField(null=True, blank=True)
    generation_completed_at = models.DateTimeField(null=True, blank=True)
    generation_seconds = models.FloatField(null=True, blank=True)
    completeness_score = models.FloatField(null=True, blank=True)
    quality_score = models.FloatField(null=True, blank=True)
    confidence_score = models.FloatField(null=True, blank=True)
    score_details = models.JSONField(default=dict, blank=True, help_text="The counts behind the scores.")
    error_code = models.CharField(max_length=60, blank=True, default="")
    fallback_code = models.CharField(
        max_length=60, blank=True, default="", help_text="Why the built-in engine wrote it although a cloud one is set."
    )

    manual_corrections = EncryptedJSONField(
        default=list, blank=True, help_text="Each edit: sentence id, before, after, who, when."
    )
    correction_notes = EncryptedTextField(blank=True, default="")
    manually_edited = models.BooleanField(default=False)

    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="reviewed_reports"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="generated_reports"
    )
    signed_at = models.DateTimeField(null=True, blank=True)
    content_hash = models.CharField(
        max_length=64, blank=True, default="", help_text="SHA-256 of the canonical content."
    )
    signature = models.CharField(max_length=120, blank=True, default="", help_text="HMAC of the hash, signer and time.")
    key_generation = models.PositiveIntegerField(
        default=1, help_text="Raised when ciphertext is rewritten by a key rotation."
    )
    erased_at = models.DateTimeField(null=True, blank=True)

    exported_formats = models.JSONField(default=list, blank=True)
    shared_with = EncryptedJSONField(default=list, blank=True)

    objects = ReportManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "report_type", "version"], name="report_one_per_version"),
            models.UniqueConstraint(
                fields=["session"],
                condition=Q(status__in=["pending", "generating"]),
                name="report_one_running_per_session",
            ),
            models.CheckConstraint(
                condition=(
                    Q(status="signed", signed_at__isnull=False, signed_by__isnull=False) & ~Q(content_hash="")
                    | (~Q(status="signed") & Q(signed_at=None, signed_by=None, content_hash=""))
                ),
                name="report_signed_with_its_facts",
            ),
        ]
        indexes = [
            models.Index(fields=["session", "status"], name="report_session_status"),
            models.Index(fields=["created_at"], name="report_by_creation"),
            models.Index(fields=["signed_at"], name="report_by_signing"),
        ]

    def __str__(self) -> str:
        return f"report v{self.version} of {self.session}"

    @property
    def is_signed(self) -> bool:
        return self.status == self.Status.SIGNED

    @property
    def is_draft(self) -> bool:
        return self.status == self.Status.COMPLETED

    @property
    def is_waiting(self) -> bool:
        return self.status == self.Status.PENDING

    @property
    def is_running(self) -> bool:
        return self.status in self.RUNNING

    @property
    def has_failed(self) -> bool:
        return self.status == self.Status.FAILED

    @property
    def title(self) -> str:
        """The template's name as it was when the report was asked for."""
        return str(self.template_structure.get("name", "")) or self.get_report_type_display()

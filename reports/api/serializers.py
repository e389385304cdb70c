"""Reports as JSON, by role, and the bodies of what is done with them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from reports.api import report_parts as parts
from reports.content import DISPOSITION_WORDS
from reports.models import Report, ReportShare, ReportTemplate
from reports.printing import exports, representation
from reports.services.sealing import LONGEST_REASON
from reports.services.sharing import (
    LONGEST_HOURS,
    LONGEST_PIN,
    LONGEST_SHARE_REASON,
    MOST_USES,
    SHORTEST_HOURS,
    SHORTEST_PIN,
)
from reports.services.store import LONGEST_SENTENCE
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.api.serializers import MOST_LIST_ITEMS, KeyField, ResourceSerializer, StrictSerializer

LONGEST_NOTES = 4_000
# The words of a report and of the transcript it rests on.
CONTENT = frozenset(
    {
        "sections",
        "structured_data",
        "content",
        "generated_content",
        "missing",
        "unassigned",
        "risk_statements",
        "manual_corrections",
        "correction_notes",
        "amend_reason",
    }
)
# Of work on the draft, not of what was signed: for who writes reports.
OF_THE_DRAFT = frozenset({"missing", "unassigned", "manual_corrections", "correction_notes"})
STATE = frozenset(
    {"id", "session", "patient", "report_type", "status", "version", "signed_at", "created_at", "updated_at"}
)


class ReportSerializer(ResourceSerializer[Report]):
    """One version of a report. Reception sees that it is there and whether it is signed; administration reads signed
    ones.
    """

    session = KeyField(read_only=True)
    patient = KeyField(source="session.patient", read_only=True)
    template = KeyField(read_only=True)
    transcription = KeyField(read_only=True)
    sections = serializers.SerializerMethodField()
    structured_data = serializers.SerializerMethodField(method_name="get_sections", help_text="The same as `sections`.")
    content = serializers.CharField(source="generated_content", read_only=True, help_text="The report as plain text.")
    generated_content = serializers.CharField(read_only=True, help_text="The same as `content`.")
    scores = serializers.SerializerMethodField()
    missing = serializers.ListField(
        child=serializers.DictField(), read_only=True, help_text="Said, but not in the report: text, segment and quote."
    )
    unassigned = serializers.ListField(
        child=serializers.DictField(), read_only=True, help_text="Findings that fit no section: text and evidence."
    )
    risk_statements = parts.RiskStatementSerializer(many=True, read_only=True)
    manual_corrections = serializers.ListField(
        child=serializers.DictField(), read_only=True, help_text="Each edit: sentence, before, after, who and when."
    )
    correction_notes = serializers.CharField(read_only=True)
    amend_reason = serializers.CharField(read_only=True)
    checked_sections = serializers.ListField(child=serializers.CharField(), read_only=True)
    exported_formats = serializers.ListField(child=serializers.CharField(), read_only=True)
    shared_with = serializers.ListField(
        child=serializers.DictField(), read_only=True, help_text="Who was given a link, to what, and when."
    )
    amends = KeyField(read_only=True, help_text="The signed version this one takes the place of.")
    converted_from = KeyField(read_only=True)
    reviewed_by = KeyField(read_only=True)
    signed_by = KeyField(read_only=True)

    columns = {
        "sections": ("structured_data",),
        "structured_data": ("structured_data",),
        "scores": ("completeness_score", "quality_score", "confidence_score"),
    }
    left_out_of_lists = CONTENT | {"shared_with", "checked_sections"}

    class Meta:
        model = Report
        fields: tuple[str, ...] = (
            *("id", "session", "patient", "template", "transcription", "report_type", "status", "version"),
            *("sections", "content", "scores", "missing", "unassigned", "risk_statements", "ai_model"),
            *("prompt_version", "content_hash", "reviewed_by", "reviewed_at", "signed_by", "signed_at"),
            *("generated_content", "structured_data", "generation_started_at", "generation_completed_at"),
            *("generation_seconds", "manual_corrections", "correction_notes", "manually_edited", "exported_formats"),
            *("shared_with", "amends", "amend_reason", "converted_from", "is_provisional", "template_version"),
            *("checked_sections", "engine", "error_code", "fallback_code", "created_at", "updated_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    @classmethod
    def readable(cls, user: User) -> frozenset[str] | None:
        if user.may(Permission.WRITE_REPORTS):
            return None
        return frozenset(cls.Meta.fields) - OF_THE_DRAFT if user.may(Permission.VIEW_REPORTS) else STATE

    @extend_schema_field(parts.SectionSerializer(many=True))
    def get_sections(self, report: Report) -> list[dict[str, Any]]:
        return representation.sections_as_json(report)

    @extend_schema_field(parts.ScoresSerializer)
    def get_scores(self, report: Report) -> dict[str, float | None]:
        return representation.scores_as_json(report)

    def to_representation(self, instance: Report) -> dict[str, Any]:
        data: dict[str, Any] = super().to_representation(instance)
        if getattr(instance, "is_withheld", False):  # changed after it was signed
            return {name: value for name, value in data.items() if name not in CONTENT}
        return data


class SentenceChangeSerializer(StrictSerializer):
    """A change of one sentence: its text, the doctor's word for it, or its removal; or a new one for a section."""

    id = serializers.CharField(required=False, max_length=60)
    section = serializers.CharField(required=False, max_length=60, help_text="For a new sentence, with `text`.")
    text = serializers.CharField(required=False, max_length=LONGEST_SENTENCE)
    support = serializers.ChoiceField(choices=["confirmed"], required=False)
    removed = serializers.BooleanField(required=False, help_text="Only true says something.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("id" in attrs) == ("section" in attrs):
            raise serializers.ValidationError("Name the sentence by its id, or a section for a new one.")
        said = [name for name in ("text", "support", "removed") if name in attrs]
        if "section" in attrs and said != ["text"]:
            raise serializers.ValidationError("A new sentence is its section and its text.")
        if len(said) != 1:
            raise serializers.ValidationError("Say one thing of a sentence: text, support or removed.")
        if attrs.get("removed") is False:
            raise serializers.ValidationError({"removed": ["Send true, or leave it out."]})
        return attrs


class DispositionSerializer(StrictSerializer):
    """What the clinician decides about a risk statement; empty takes it back."""

    id = serializers.CharField(max_length=60)
    disposition = serializers.ChoiceField(choices=tuple(DISPOSITION_WORDS), allow_blank=True)


class ReportChangeSerializer(ReportSerializer):
    """What a doctor changes in a draft, all or nothing."""

    sentences = serializers.ListField(
        child=SentenceChangeSerializer(), required=False, write_only=True, max_length=MOST_LIST_ITEMS
    )
    dispositions = serializers.ListField(
        child=DispositionSerializer(), required=False, write_only=True, max_length=MOST_LIST_ITEMS
    )
    correction_notes = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_NOTES)

    class Meta(ReportSerializer.Meta):
        fields = (*ReportSerializer.Meta.fields, "sentences", "dispositions")
        read_only_fields = tuple(name for name in ReportSerializer.Meta.fields if name != "correction_notes")


class SignReportSerializer(StrictSerializer):
    password = serializers.CharField(max_length=256, trim_whitespace=False, help_text="The signer's, asked for again.")
    otp = serializers.CharField(
        max_length=40, required=False, default="", help_text="A code, where the account has a second factor."
    )
    reason = serializers.CharField(
        max_length=LONGEST_REASON,
        required=False,
        default="",
        help_text="Why a version that was written anew takes the place of one that is signed.",
    )


class AmendReportSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=LONGEST_REASON, help_text="Printed on the new version.")


class ExportReportSerializer(StrictSerializer):
    format = serializers.ChoiceField(choices=exports.FORMATS)


class NewReportSerializer(StrictSerializer):
    template = KeyField(
        queryset=ReportTemplate.objects.all(), required=False, help_text="When not said the usual one for the kind."
    )
    report_type = serializers.ChoiceField(
        choices=Report.Type.choices, required=False, help_text="When not said the usual one for the session."
    )


class NewReportShareSerializer(StrictSerializer):
    """`with` is who gets the link; only signed reports are shared."""

    email = serializers.EmailField(max_length=254)
    expires_in_hours = serializers.IntegerField(min_value=SHORTEST_HOURS, max_value=LONGEST_HOURS)
    pin = serializers.CharField(
        min_length=SHORTEST_PIN, max_length=LONGEST_PIN, required=False, default="", write_only=True
    )
    document = serializers.ChoiceField(
        choices=ReportShare.Document.choices,
        default=ReportShare.Document.REPORT,
        help_text="The summary in plain words only once the clinician has ticked it.",
    )
    uses = serializers.IntegerField(min_value=1, max_value=MOST_USES, default=1, help_text="How often it opens.")
    reason = serializers.CharField(
        max_length=LONGEST_SHARE_REASON,
        required=False,
        default="",
        help_text="Why a provider gets it although the patient has not agreed to sharing.",
    )

    def get_fields(self) -> dict[str, Any]:
        # `with` is a word of the language, so no attribute can bear it.
        audience = serializers.ChoiceField(choices=ReportShare.Audience.choices, help_text="Who it is for.")
        return {"with": audience, **super().get_fields()}


class CreatedReportShareSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.URLField(
        required=False,
        help_text="Shown this once: only a hash of it is kept. Absent when an `Idempotency-Key` brings the answer again.",
    )
    expires_at = serializers.DateTimeField()
    uses_left = serializers.IntegerField()

"""What a report is made of, as JSON: sections of sentences with the places they rest on."""

from typing import Any

from rest_framework import serializers

from reports.content import DISPOSITION_WORDS, RISK_WORDS

SECTION_STATUSES = ("documented", "not_discussed")
RISK_KINDS = tuple(RISK_WORDS)
ORIGINS = ("ai", "doctor", "template")
SUPPORTS = ("supported", "partial", "unsupported", "confirmed")


class EvidenceSerializer(serializers.Serializer[Any]):
    """A place in the recording; times are milliseconds on the recording clock."""

    segment = serializers.IntegerField(help_text="Id of the transcript's segment.")
    start_ms = serializers.IntegerField()
    end_ms = serializers.IntegerField()
    speaker = serializers.CharField()
    quote = serializers.CharField(allow_blank=True, help_text="What was said there.")


class FlagSerializer(serializers.Serializer[Any]):
    """Why a sentence needs a look."""

    kind = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    before = serializers.CharField(required=False, allow_blank=True, help_text="The cited words before a correction.")
    after = serializers.CharField(required=False, allow_blank=True, help_text="The cited words after it.")


class SentenceSerializer(serializers.Serializer[Any]):
    """One statement of a report."""

    id = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    origin = serializers.ChoiceField(choices=ORIGINS)
    evidence = EvidenceSerializer(many=True)
    support = serializers.ChoiceField(
        choices=SUPPORTS, help_text="How far the cited words bear it out; `confirmed` is the doctor's own word."
    )
    flags = FlagSerializer(many=True)
    item = serializers.CharField(required=False, help_text="Id of the checklist's item it answers.")
    state = serializers.CharField(required=False, help_text="Of that item: present, denied or not_assessed.")
    cells = serializers.DictField(
        child=serializers.CharField(allow_blank=True), required=False, help_text="Of a table's row, by column id."
    )


class CitedSentenceSerializer(SentenceSerializer):
    """A sentence with the section it stands in."""

    section = serializers.CharField(help_text="Id of the section or subsection.")


class SubsectionSerializer(serializers.Serializer[Any]):
    """A part of a section; it has no parts of its own."""

    id = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=SECTION_STATUSES)
    sentences = SentenceSerializer(many=True)
    subsections = serializers.ListField(child=serializers.DictField(), max_length=0, help_text="Always empty.")


class SectionSerializer(SubsectionSerializer):
    """One heading of a report."""

    subsections = SubsectionSerializer(many=True)  # type: ignore[assignment]  # one level deeper


class ScoresSerializer(serializers.Serializer[Any]):
    """Each from 0 to 1; null where nothing could be computed."""

    completeness = serializers.FloatField(allow_null=True)
    quality = serializers.FloatField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True)


class RiskStatementSerializer(serializers.Serializer[Any]):
    """Something said about suicide, self-harm, violence, abuse or substances; quoted, never scored."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=RISK_KINDS)
    polarity = serializers.CharField(help_text="stated, denied or asked")
    subject = serializers.CharField(help_text="patient or other")
    time = serializers.CharField(help_text="current, past or unknown")
    is_unsure = serializers.BooleanField(required=False, help_text="The words can be read both ways.")
    evidence = EvidenceSerializer(many=True)
    disposition = serializers.ChoiceField(
        choices=tuple(DISPOSITION_WORDS), allow_blank=True, help_text="Empty until the clinician decides."
    )
    by = serializers.CharField(allow_blank=True, help_text="Id of who decided.")
    at = serializers.CharField(allow_blank=True, help_text="When, in ISO 8601.")

"""What was said in a session as JSON; by role, as `sessions_app.permissions` has it."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sessions_app import permissions
from sessions_app.models import Transcription
from sessions_app.transcripts.corrections import LONGEST_NOTES
from sessions_app.transcripts.segments import LONGEST_TEXT, SPEAKERS
from synapse.accounts.models import User
from synapse.api.serializers import KeyField, ResourceSerializer, StrictSerializer

MOST_SEGMENTS = 20_000
NOT_WRITTEN = "This field cannot be written here."


class WordSerializer(serializers.Serializer[Any]):
    """One word; `heard` is what the engine heard where it put a known term in its place."""

    text = serializers.CharField()
    start_ms = serializers.IntegerField(min_value=0)
    end_ms = serializers.IntegerField(min_value=0)
    confidence = serializers.FloatField(min_value=0, max_value=1)
    heard = serializers.CharField(required=False)


class SegmentSerializer(serializers.Serializer[Any]):
    """A stretch of one speaker, in ms of the recording clock. Its id is never used again in this session."""

    id = serializers.IntegerField()
    start_ms = serializers.IntegerField(min_value=0)
    end_ms = serializers.IntegerField(min_value=0)
    speaker = serializers.ChoiceField(choices=SPEAKERS)
    text = serializers.CharField()
    confidence = serializers.FloatField(allow_null=True)
    words = WordSerializer(many=True)
    original_text = serializers.CharField(allow_null=True, help_text="What was first heard, where it was corrected.")


class SegmentChangeSerializer(StrictSerializer):
    """Another text or speaker for a segment. Its other fields may be sent back as they were read."""

    id = serializers.IntegerField(min_value=0)
    text = serializers.CharField(max_length=LONGEST_TEXT, required=False)
    speaker = serializers.ChoiceField(choices=SPEAKERS, required=False)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            data = self._without_what_was_read(data)
        change = super().to_internal_value(data)
        if "id" not in change:  # the body is partial, a line is not
            raise serializers.ValidationError({"id": self.fields["id"].error_messages["required"]})
        return change

    def _without_what_was_read(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        known: dict[Any, Any] = self.context.get("shown_segments", {})
        shown = known.get(data.get("id") if isinstance(data.get("id"), int | str) else None, {})
        others = SegmentSerializer._declared_fields.keys() - self.fields.keys()
        changed = [name for name in others if name in data and data[name] != shown.get(name)]
        if changed:
            raise serializers.ValidationError({name: [NOT_WRITTEN] for name in sorted(changed)})
        return {name: value for name, value in data.items() if name not in others}


class TranscriptionSerializer(ResourceSerializer[Transcription]):
    """The words of a session by one engine. Administration reads how it stands, and nothing of what was said."""

    session = KeyField(read_only=True)
    segments = serializers.SerializerMethodField(
        help_text="Until there is a finished transcript, the lines that were heard while the session runs."
    )
    speakers = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text="How long each speaker spoke, in ms."
    )
    correction_notes = serializers.CharField(
        max_length=LONGEST_NOTES, required=False, allow_blank=True, trim_whitespace=False
    )
    corrected_by = KeyField(read_only=True)

    columns = {"segments": ("segments", "status")}
    left_out_of_lists = frozenset({"segments", "transcript_text", "original_transcript"})

    class Meta:
        model = Transcription
        fields = (
            *("id", "session", "status", "transcript_text", "original_transcript", "segments", "speakers"),
            *("stt_service", "stt_model", "language", "confidence_score", "word_count", "character_count"),
            *("processing_seconds", "manually_corrected", "corrected_by", "corrected_at", "correction_notes"),
            *("error_message", "retry_count", "created_at", "updated_at"),
        )
        read_only_fields = tuple(set(fields) - {"segments", "correction_notes"})

    @classmethod
    def readable(cls, user: User) -> frozenset[str]:
        return frozenset(name for name in cls.Meta.fields if permissions.may_read_transcription_field(user, name))

    @extend_schema_field(SegmentSerializer(many=True))
    def get_segments(self, transcription: Transcription) -> list[dict[str, Any]]:
        return segments_of(transcription)


class TranscriptionChangeSerializer(TranscriptionSerializer):
    """Corrections of lines by their id. What is not sent stays as it is."""

    segments = SegmentChangeSerializer(many=True, required=False)  # type: ignore[assignment]  # what is written of them

    class Meta(TranscriptionSerializer.Meta):
        pass

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(self.instance, Transcription):
            context: dict[str, Any] = self.context  # type: ignore[assignment]  # the one all fields share
            context["shown_segments"] = {one["id"]: one for one in segments_of(self.instance)}
        return super().to_internal_value(data)

    def validate_segments(self, changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(changes) > MOST_SEGMENTS:
            raise serializers.ValidationError(f"Send at most {MOST_SEGMENTS} lines at once.")
        if len({change["id"] for change in changes}) < len(changes):
            raise serializers.ValidationError("Name each line once.")
        return changes


def segments_of(transcription: Transcription) -> list[dict[str, Any]]:
    """Return the lines that count, as the contract spells them."""
    return [
        {name: segment.get(name) for name in SegmentSerializer._declared_fields} | {"words": _words_of(segment)}
        for segment in transcription.words_so_far
    ]


def _words_of(segment: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = WordSerializer._declared_fields
    return [{name: word[name] for name in names if name in word} for word in segment.get("words") or []]

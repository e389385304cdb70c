"""`/api/v1/sessions/<id>/audio/uploads/`: what became of the files that were brought into a session."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from sessions_app.models import AudioUpload, ConsultationSession
from sessions_app.uploads import reading as upload_reading
from sessions_app.uploads import services as uploads
from synapse.accounts.roles import Permission
from synapse.api.serializers import KeyField, ResourceSerializer, StrictSerializer
from synapse.api.viewsets import Deletes, ScopedViewSet


class UploadSerializer(ResourceSerializer[AudioUpload]):
    """A sound file on its way into a session: `received` waits to be read, `stored` is the session's recording."""

    session = KeyField(read_only=True)
    message = serializers.SerializerMethodField(help_text="Why it cannot be used, for people; empty when it can.")
    progress = serializers.SerializerMethodField(help_text="Per cent of it that has been read.")

    columns = {"message": ("error_code", "status"), "progress": ("status",)}

    class Meta:
        model = AudioUpload
        fields = (
            *("id", "session", "source", "status", "received_bytes", "total_bytes", "kind", "error_code", "message"),
            *("progress", "created_at", "updated_at"),
        )
        read_only_fields = fields

    def get_message(self, upload: AudioUpload) -> str:
        has_ended = upload.status in {AudioUpload.Status.FAILED, AudioUpload.Status.ABANDONED}
        return uploads.reason_of(upload.error_code) if has_ended and upload.error_code else ""

    def get_progress(self, upload: AudioUpload) -> int:
        if upload.status == AudioUpload.Status.STORED:
            return 100
        read: dict[UUID, int] | None = self.context.get("read")
        return (upload_reading.per_cent_read([upload.pk]) if read is None else read).get(upload.pk, 0)


class BringSerializer(StrictSerializer):
    """A sound file, and whose words it holds."""

    file = serializers.FileField(
        allow_empty_file=True,
        help_text="WAV, FLAC, MP3, OGG, WEBM or M4A, at most 1 GB and 3 hours. Its name is not kept.",
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]  # the contract's own name
        choices=[("upload", "The consultation"), ("dictation", "The doctor's own words afterwards")],
        default="upload",
        help_text="`upload` needs the patient's consent to be recorded, `dictation` none.",
    )


@extend_schema_view(
    list=extend_schema(
        summary="List a session's uploads",
        description="The latest first. Ask again until one is `stored` or `failed`; the transcription follows then.",
    ),
    retrieve=extend_schema(summary="Read one upload"),
    destroy=extend_schema(
        summary="Stop an upload", description="What has arrived is erased; nothing, once it is over."
    ),
)
class UploadViewSet(Deletes, ScopedViewSet[AudioUpload]):
    """The files of one session, for those who may hear it."""

    model = AudioUpload
    serializer_class = UploadSerializer
    needs = {"*": Permission.CONDUCT_SESSIONS}
    related = ("session",)
    always_loaded = ("updated_at", "created_at", "status", "session", "session__patient")

    def scope(self) -> QuerySet[AudioUpload]:
        visible = ConsultationSession.objects.visible_to(self.request.user).only("pk")
        rows = AudioUpload.objects.filter(session=get_object_or_404(visible, pk=self.kwargs["session_pk"]))
        return rows.select_related("session") if self.request.method not in {"GET", "HEAD"} else rows

    def list_scope(self, rows: QuerySet[AudioUpload]) -> QuerySet[AudioUpload]:
        return rows.order_by("-created_at", "-pk")

    def answer_serializer(self, rows: Any = None, *, many: bool = False) -> ResourceSerializer[AudioUpload]:
        serializer = super().answer_serializer(rows, many=many)
        if many:
            context: dict[str, Any] = serializer.context  # type: ignore[assignment]  # the one all fields share
            context["read"] = upload_reading.per_cent_read(row.pk for row in rows)
        return serializer

    def patient_of(self, row: AudioUpload) -> UUID:
        return row.session.patient_id

    def delete_object(self, row: AudioUpload) -> None:
        uploads.give_up(row, by=self.request.user, at=timezone.now())

"""`/api/v1/sessions/<id>/audio/`."""

from uuid import UUID

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from sessions_app import permissions
from sessions_app.api.uploads import BringSerializer, UploadSerializer
from sessions_app.models import ConsultationSession
from sessions_app.recordings import playing
from sessions_app.uploads import services as uploads
from synapse.accounts.roles import Permission
from synapse.api.errors import Answer
from synapse.api.filters import refuse_unknown
from synapse.api.idempotency import idempotent_in_steps
from synapse.api.schema import ErrorSerializer
from synapse.api.viewsets import ApiRequest, ApiView

NOT_THERE = Answer(416, "range_not_satisfiable", "The recording has no such part.")
SOUND = {
    (200, "audio/ogg"): OpenApiTypes.BINARY,
    (200, "audio/wav"): OpenApiTypes.BINARY,
    (206, "audio/ogg"): OpenApiTypes.BINARY,
    (206, "audio/wav"): OpenApiTypes.BINARY,
    416: OpenApiResponse(ErrorSerializer, description=NOT_THERE.message),
}


class SessionAudioView(ApiView):
    """The recording of a session: hear it, or bring one in."""

    needs = {"*": Permission.CONDUCT_SESSIONS}
    throttle_scopes = {"POST": "upload"}
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="sessions_audio_retrieve",
        summary="Hear a session",
        description="Opus in Ogg once it is kept, WAV before. Honours `Range` and `If-Range`.",
        parameters=[
            OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="One part, as in `bytes=0-65535`."),
            OpenApiParameter("If-Range", str, OpenApiParameter.HEADER, description="The `ETag` the part belongs to."),
        ],
        responses=SOUND,
    )
    def get(self, request: ApiRequest, pk: UUID) -> HttpResponseBase:
        refuse_unknown(request, frozenset())
        session = self._session(pk)
        permissions.check_can_read_words(request.user, session)
        answer = playing.play(request, session)
        if answer.status_code == NOT_THERE.status:
            return Response(
                NOT_THERE.body(), NOT_THERE.status, headers={"Content-Range": answer.headers["Content-Range"]}
            )
        return answer

    @extend_schema(
        operation_id="sessions_audio_create",
        summary="Bring a recording into a session",
        description=(
            "Of a session that runs without one, or is over. The file is read and its words are written by and by: "
            "`audio/uploads/` tells how far it is, `transcription/` holds the words. A session has one recording. "
            "403 `no_consent` without the patient's consent to be recorded, 413 `too_large`, 415 for what is no sound."
        ),
        request={"multipart/form-data": BringSerializer},
        responses={201: UploadSerializer},
    )
    @idempotent_in_steps
    def post(self, request: ApiRequest, pk: UUID) -> Response:
        session = self._session(pk)
        wanted = BringSerializer(data=request.data, context={"request": request})
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        upload = uploads.bring_file(
            session, fields["file"], source=fields["source"], by=request.user, at=timezone.now()
        )
        context = {"request": request, "is_answer": True}
        return Response(UploadSerializer(upload, context=context).data, status.HTTP_201_CREATED)

    def _session(self, pk: UUID) -> ConsultationSession:
        return get_object_or_404(ConsultationSession.objects.visible_to(self.request.user), pk=pk)

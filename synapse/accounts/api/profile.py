"""`/api/v1/profile/`."""

from typing import Any

from django.http import Http404, HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from synapse.accounts import services
from synapse.accounts.api.serializers import ProfileSerializer
from synapse.accounts.models import UserProfile
from synapse.api import versions
from synapse.api.filters import ROW_PARAMETERS, refuse_unknown
from synapse.api.parsers import StrictJSONParser
from synapse.api.schema import IF_MATCH, WORDS, ErrorSerializer
from synapse.api.viewsets import ApiRequest, ApiView

EXAMPLE = OpenApiExample(
    "A new registration number",
    value={"license_number": "MMC-2011-04417", "notification_settings": {"report_ready": "mail"}},
    request_only=True,
)
CHANGE = extend_schema(
    summary="Change your profile",
    description="Only what is sent changes. A logo is sent as multipart, and removed by sending null.",
    request=ProfileSerializer(partial=True),
    responses={200: ProfileSerializer, 412: OpenApiResponse(ErrorSerializer, description=WORDS[412])},
    parameters=[IF_MATCH],
    examples=[EXAMPLE],
)


class ProfileView(ApiView):
    """One's own profile."""

    parser_classes = (StrictJSONParser, MultiPartParser)
    throttle_scopes = {"PUT": "password", "PATCH": "password"}
    serializer_class = ProfileSerializer

    @extend_schema(summary="Read your profile", responses={200: ProfileSerializer})
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown(request, ROW_PARAMETERS)
        return self._answer(services.profile_of(request.user))

    @CHANGE
    def put(self, request: ApiRequest) -> Response:
        return self._change(request)

    @CHANGE
    def patch(self, request: ApiRequest) -> Response:
        return self._change(request)

    def _change(self, request: ApiRequest) -> Response:
        profile = services.profile_of(request.user)
        serializer = ProfileSerializer(profile, data=request.data, partial=True, context={"request": request})
        serializer.is_valid(raise_exception=True)
        fields: dict[str, Any] = dict(serializer.validated_data)
        names = fields.pop("user", {})
        changes = {**fields, **names}
        user, now, password = request.user, timezone.now(), changes.pop("current_password", "")
        services.check_email_change(user, changes, by=user, at=now, password=password)
        with versions.held(request, profile, _version_of):
            services.update_profile(user, changes, by=user, at=now)
        return self._answer(services.profile_of(request.user))

    def _answer(self, profile: UserProfile) -> Response:
        profile.user = self.request.user
        return self.answer_as(ProfileSerializer, profile)


class LogoView(ApiView):
    """The picture on one's own documents."""

    @extend_schema(
        summary="Read your logo",
        responses={
            (200, "image/png"): OpenApiTypes.BINARY,
            404: OpenApiResponse(ErrorSerializer, description="There is none."),
        },
    )
    def get(self, request: ApiRequest) -> HttpResponse:
        picture = services.profile_of(request.user).logo
        if not picture:
            raise Http404
        return HttpResponse(bytes(picture), content_type="image/png")


def _version_of(profile: UserProfile) -> object:
    return profile.updated_at

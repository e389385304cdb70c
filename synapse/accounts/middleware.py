"""Show times in the reader's zone."""

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from synapse.accounts.models import ClinicSettings, User, UserProfile


class TimezoneMiddleware:
    """Activate the user's zone, or the clinic's when the profile names none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(self._zone_of(request)):
            return self.get_response(request)

    def _zone_of(self, request: HttpRequest) -> ZoneInfo | None:
        user = request.user
        if not isinstance(user, User):
            return None
        try:
            name = user.profile.timezone
        except UserProfile.DoesNotExist:
            name = ""
        try:
            return ZoneInfo(name or ClinicSettings.load().timezone)
        except (ZoneInfoNotFoundError, ValueError):
            return None

"""Tokens and profiles as JSON."""

from typing import Any

from rest_framework import serializers
from rest_framework.fields import SkipField
from rest_framework.request import Request
from rest_framework.reverse import reverse

from synapse.accounts import choices, tokens
from synapse.accounts.logos import UnusableLogo, read_logo
from synapse.accounts.models import ApiToken, UserProfile
from synapse.accounts.roles import Role
from synapse.accounts.scopes import Scope
from synapse.api.serializers import KeyField, ResourceSerializer, StrictSerializer, UtcDateTimeField
from synapse.documents.uploads import Kind, UploadRefused, check_upload

HOURS = int(tokens.LONGEST_LIFETIME.total_seconds() // 3600)


def _password(help_text: str) -> serializers.CharField:
    return serializers.CharField(
        max_length=128,
        trim_whitespace=False,
        write_only=True,
        help_text=help_text,
        style={"input_type": "password"},
    )


def _code() -> serializers.CharField:
    return serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        write_only=True,
        help_text="Where the account has a second factor: the six digits of the app, or a recovery code.",
    )


def _scopes(help_text: str, *, required: bool) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        min_length=1,
        max_length=len(Scope),
        required=required,
        help_text=help_text,
    )


def _hours(help_text: str, *, required: bool) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=HOURS, required=required, help_text=help_text)


class SignInSerializer(StrictSerializer):
    """Who signs in, and what the token is to be."""

    username = serializers.CharField(max_length=254, help_text="User name or e-mail address.")
    password = _password("Not kept and not logged.")
    otp = _code()
    name = serializers.CharField(
        max_length=tokens.LONGEST_NAME, required=False, allow_blank=True, help_text="What the token is for."
    )
    scopes = _scopes("At least read or write; all of the role when not said.", required=False)
    expires_in_hours = _hours(f"{int(tokens.SIGN_IN_LIFETIME.total_seconds() // 3600)} when not said.", required=False)


class SignedInSerializer(serializers.Serializer[Any]):
    """A token, shown once, and until when it works."""

    token = serializers.CharField(help_text="Send it as `Authorization: Bearer <token>`.")
    expires_at = UtcDateTimeField()
    scopes = _scopes("What the token may do.", required=True)


class TokenSerializer(ResourceSerializer[ApiToken]):
    """One of your tokens, without its secret."""

    scopes = _scopes("What the token may do.", required=True)

    class Meta:
        model = ApiToken
        fields = ("id", "name", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "last_used_ip")
        read_only_fields = fields


class NewTokenSerializer(StrictSerializer):
    """A token to make, and proof of who makes it."""

    name = serializers.CharField(max_length=tokens.LONGEST_NAME, help_text="What the token is for.")
    scopes = _scopes("At least read or write.", required=True)
    expires_in_hours = _hours(f"1 to {HOURS}.", required=True)
    password = _password("Your own, again.")
    otp = _code()


class CreatedTokenSerializer(TokenSerializer):
    """A new token with its secret, shown once."""

    token = serializers.SerializerMethodField(help_text="Send it as `Authorization: Bearer <token>`.")

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "token")  # type: ignore[assignment]  # one longer

    def get_token(self, token: ApiToken) -> str:
        return str(self.context["secret"])


class LogoField(serializers.FileField):
    """A picture in, the address it is read at out. What is sent back as it was read changes nothing."""

    def to_representation(self, value: Any) -> str | None:
        request: Request | None = self.context.get("request")
        return reverse("api_profile_logo", request=request) if value else None

    def to_internal_value(self, data: Any) -> bytes | None:  # type: ignore[override]  # what is kept, not the upload
        if data == "":
            return None
        if isinstance(data, str) and data == self.to_representation(data):
            raise SkipField
        upload = super().to_internal_value(data)
        try:
            check_upload(upload, Kind.PICTURE)
            return read_logo(upload)
        except (UnusableLogo, UploadRefused) as error:
            raise serializers.ValidationError(error.message) from None


class NotificationsField(serializers.DictField):
    """Wishes by event; every event is answered."""

    def to_representation(self, value: dict[str, str]) -> dict[str, str]:
        return {event: value.get(event, choices.NONE) for event in choices.NotificationEvent.values}


class ProfileSerializer(ResourceSerializer[UserProfile]):
    """What stands on your documents and how you work."""

    user = KeyField(read_only=True, help_text="The id others name you by, as in `doctor`.")
    first_name = serializers.CharField(source="user.first_name", max_length=150)
    last_name = serializers.CharField(source="user.last_name", max_length=150)
    email = serializers.EmailField(
        source="user.email", max_length=254, help_text="To change it, send `current_password` as well."
    )
    current_password = _password("Needed to change `email`, for nothing else.")
    phone = serializers.CharField(
        max_length=32, allow_blank=True, help_text="Any spelling; answered in international form."
    )
    clinic_address = serializers.CharField(max_length=400, allow_blank=True)
    logo = LogoField(allow_null=True, allow_empty_file=True)
    timezone = serializers.CharField(
        max_length=60, allow_blank=True, help_text="A name of the tz database; empty: the clinic's."
    )
    language = serializers.ChoiceField(choices=choices.LANGUAGES, help_text="Of speech and documents.")
    notification_settings = NotificationsField(
        child=serializers.ChoiceField(choices=choices.NOTIFICATION_CHOICES),
        help_text=f"For each event mail or none: {', '.join(choices.NotificationEvent.values)}. Others stay as they are.",
    )
    role = serializers.ChoiceField(source="user.role", choices=Role.choices, read_only=True)

    class Meta:
        model = UserProfile
        fields = (
            "user",
            "first_name",
            "last_name",
            "email",
            "current_password",
            "phone",
            "license_number",
            "specialization",
            "organization",
            "clinic_name",
            "clinic_address",
            "logo",
            "timezone",
            "language",
            "notification_settings",
            "role",
        )

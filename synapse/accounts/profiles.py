"""What may stand in a profile: each check returns the value as it is kept, or raises with what to enter instead."""

from collections.abc import Callable, Mapping
from typing import Any

from synapse.accounts import choices
from synapse.accounts.models import ClinicSettings, User, UserProfile
from synapse.common import identifiers
from synapse.common.errors import DomainError


class BadValue(DomainError):
    """A value cannot be kept in a profile."""

    code = "invalid"


class ProfileRefused(DomainError):
    """Some of the changes cannot be made; `fields` maps their names to what is wrong."""

    code = "invalid"

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        super().__init__("Some of what was sent cannot be taken. Mend the fields named here and send it again.")
        self.fields = dict(fields)


def check_phone(text: str, region: str = "") -> str:
    """Return the number in international form; one without a country is read in the region, else the clinic's."""
    import phonenumbers

    if not text.strip():
        return ""
    region = region or ClinicSettings.load().region
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        example = phonenumbers.example_number(region)
        shown = (
            phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
            if example
            else "+44 20 7946 0000"
        )
        raise BadValue(f"Enter a phone number, like {shown}")
    international: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return international


def check_email(text: str, user: User) -> str:
    """Return the address in small letters; two people never share one."""
    email = text.strip().lower()
    if User.objects.filter(email__iexact=email).exclude(pk=user.pk).exists():
        raise BadValue("Somebody else uses this e-mail address")
    return email


def check_timezone(name: str) -> str:
    """Return the name of a zone; nothing stands for the clinic's."""
    if name and name not in dict(choices.timezone_choices()):
        raise BadValue("Choose a zone of the tz database, like Asia/Kolkata")
    return name


def check_changes(user: User, profile: UserProfile, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes as they are kept. Raises ProfileRefused with all that is wrong."""
    checks: dict[str, Callable[[Any], Any]] = {
        "first_name": lambda text: _check_name(text, "first name"),
        "last_name": lambda text: _check_name(text, "last name"),
        "email": lambda text: check_email(text, user),
        "phone": check_phone,
        "npi": lambda text: identifiers.check_npi(text) if text else "",
        "taxonomy_code": lambda text: identifiers.check_taxonomy(text) if text else "",
        "timezone": check_timezone,
        "language": _check_language,
        "notification_settings": lambda wishes: _check_notifications(wishes, profile.notification_settings),
    }
    kept, refused = dict(changes), {}
    for name in checks.keys() & changes.keys():
        stored = getattr(user if name in ("first_name", "last_name", "email") else profile, name)
        if changes[name] == stored:
            continue
        try:
            kept[name] = checks[name](changes[name])
        except DomainError as error:
            refused[name] = [error.message]
    if refused:
        raise ProfileRefused(refused)
    return kept


def _check_name(text: str, what: str) -> str:
    if not text.strip():
        raise BadValue(f"Enter your {what}")
    return text.strip()


def _check_language(tag: str) -> str:
    if tag not in dict(choices.LANGUAGES):
        raise BadValue(f"Choose one of {', '.join(dict(choices.LANGUAGES))}")
    return tag


def _check_notifications(wishes: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """Return the stored wishes with these in their place."""
    if unknown := sorted(set(wishes) - set(choices.NotificationEvent.values)):
        raise BadValue(f"There is no event {', '.join(unknown)}")
    if set(wishes.values()) - {choices.MAIL, choices.NONE}:
        raise BadValue(f"Choose {choices.MAIL} or {choices.NONE} for each event")
    return {**stored, **wishes}

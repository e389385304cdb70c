"""System checks of SMS: a provider half set, or one that is not for real patients."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks


@checks.register(checks.Tags.security)
def check_sms(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[checks.CheckMessage]:
    """Refuse an HTTP provider without address, token or sender, and messages in files or logs in production."""
    found: list[checks.CheckMessage] = []
    values = {name: getattr(settings, name) for name in ("SMS_HTTP_URL", "SMS_HTTP_TOKEN", "SMS_SENDER")}
    missing = sorted(name for name, value in values.items() if not value)
    if settings.SMS_BACKEND == "http" and missing:
        found.append(
            checks.Error(
                f"SMS_BACKEND is http, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
                hint="Set what the provider gave you, or remove SMS_BACKEND: then SMS is not offered.",
                id="notifications.E001",
            )
        )
    if settings.SMS_BACKEND != "http" and values["SMS_HTTP_URL"]:
        found.append(
            checks.Warning(
                "SMS_HTTP_URL is set, but SMS_BACKEND is not http.",
                hint="Set SMS_BACKEND=http to send by this provider.",
                id="notifications.W001",
            )
        )
    if settings.IS_PRODUCTION and settings.SMS_BACKEND in {"console", "file"}:
        found.append(
            checks.Error(
                f"SMS_BACKEND is {settings.SMS_BACKEND}: it keeps patients' numbers and links in clear text.",
                hint="Set SMS_BACKEND=http with a provider, or remove it: then SMS is not offered.",
                id="notifications.E002",
            )
        )
    url = urlsplit(values["SMS_HTTP_URL"])
    if settings.IS_PRODUCTION and settings.SMS_BACKEND == "http" and url.scheme != "https" and values["SMS_HTTP_URL"]:
        found.append(
            checks.Error(
                "SMS_HTTP_URL is not https: numbers and links would travel in clear text.",
                hint="Set the provider's https:// address.",
                id="notifications.E003",
            )
        )
    return found

"""System checks of payment links: a provider half set, or one that is not for real money."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

NEEDED = ("PAYMENT_LINK_URL", "PAYMENT_LINK_TOKEN", "PAYMENT_LINK_SECRET")
SHORTEST_SECRET = 16


@checks.register(checks.Tags.security)
def check_payment_links(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[checks.CheckMessage]:
    """Refuse a provider without address, token or secret, a short secret, and clear text in production."""
    found: list[checks.CheckMessage] = []
    backend, address = settings.PAYMENT_LINK_BACKEND, urlsplit(settings.PAYMENT_LINK_URL)
    if backend == "http":
        missing = [name for name in NEEDED if not getattr(settings, name)]
        if missing:
            found.append(
                checks.Error(
                    f"PAYMENT_LINK_BACKEND is http, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
                    hint="Set what the provider gave you, or remove PAYMENT_LINK_BACKEND: then no links are made.",
                    id="billing.E001",
                )
            )
        elif len(settings.PAYMENT_LINK_SECRET) < SHORTEST_SECRET:
            found.append(
                checks.Error(
                    f"PAYMENT_LINK_SECRET is shorter than {SHORTEST_SECRET} characters: what it signs could be forged.",
                    hint="Let the provider make a long random one.",
                    id="billing.E002",
                )
            )
        if settings.PAYMENT_LINK_URL and not (address.scheme in {"http", "https"} and address.hostname):
            found.append(
                checks.Error(
                    "PAYMENT_LINK_URL is no address.",
                    hint="It begins with https:// and names a host.",
                    id="billing.E003",
                )
            )
    if settings.IS_PRODUCTION and (backend == "file" or (backend == "http" and address.scheme != "https")):
        found.append(
            checks.Error(
                "Payment links of this kind are not for production: bills are paid over https only.",
                hint="Set PAYMENT_LINK_BACKEND=http with the provider's https:// address, or remove it.",
                id="billing.E004",
            )
        )
    return found

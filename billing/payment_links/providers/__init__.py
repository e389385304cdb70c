"""The providers of payment links, and the one this installation uses. ../README.md says how one is connected."""

from django.conf import settings

from billing.payment_links.providers.base import PaymentLinkProvider
from billing.payment_links.providers.file import FileProvider
from billing.payment_links.providers.http import HttpProvider

PROVIDERS: dict[str, type[PaymentLinkProvider]] = {"file": FileProvider, "http": HttpProvider}


def is_offered() -> bool:
    """Tell whether this installation makes payment links."""
    return bool(settings.PAYMENT_LINK_BACKEND)


def get_provider(name: str = "") -> PaymentLinkProvider:
    """Return the provider of the settings; by name only if it is that one. Raises LookupError otherwise."""
    chosen = settings.PAYMENT_LINK_BACKEND
    if not chosen or (name and name != chosen):
        raise LookupError("This installation makes no payment links by that provider.")
    return PROVIDERS[chosen]()

"""What base.html needs on every page. Everything is looked up only when a full page shows it."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from synapse.accounts.models import ClinicSettings
from synapse.web import nav


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the navigation (lazily) and the mode of the installation."""
    return {
        "nav_links": SimpleLazyObject(partial(nav.links_for, request)),
        "tab_links": SimpleLazyObject(partial(nav.tab_links_for, request)),
        "tab_action": SimpleLazyObject(partial(nav.tab_action_for, request)),
        "counts_are_fresh": SimpleLazyObject(lambda: nav.counts_of(request).is_fresh(timezone.now())),
        "idle_lock_minutes": SimpleLazyObject(lambda: ClinicSettings.load().idle_lock_minutes),
        "is_demo": settings.MODE == "demo",
    }

"""Change how the clinic bills."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing import permissions
from billing.models import BillingSettings
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action


def update_billing(changes: Mapping[str, Any], *, by: User, at: datetime) -> BillingSettings:
    """Save the settings that changed; the trail has their names and no values. Raises NotAllowed."""
    permissions.check_can_set_prices(by)
    with audit.unit_of_work():
        settings = BillingSettings.objects.select_for_update().get(pk=BillingSettings.load().pk)
        changed = [name for name, value in changes.items() if getattr(settings, name) != value]
        if not changed:
            return settings
        for name in changed:
            setattr(settings, name, changes[name])
        settings.save(update_fields=changed)
        audit.record(Action.ADMINISTER, by=by, target=settings, detail={"fields": sorted(changed)})
    return settings

"""Choose the accounts the journal for the accountant names."""

from collections.abc import Mapping, Sequence

from billing import permissions
from billing.models import BillingSettings
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action


def choose_accounts(accounts: Mapping[str, Sequence[str]], *, by: User) -> None:
    """Keep number and name of the accounts that differ from ours. Raises NotAllowed."""
    permissions.check_can_set_prices(by)
    with audit.unit_of_work():
        BillingSettings.load()
        settings = BillingSettings.objects.select_for_update().get(pk=1)
        settings.journal_accounts = {key: list(value) for key, value in accounts.items()}
        settings.save(update_fields=["journal_accounts"])
        audit.record(Action.ADMINISTER, by=by, target=settings, detail={"fields": sorted(accounts)})

"""The billing app: bills, the ledger, the fee schedule."""

from datetime import timedelta

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing.models import TRIGGERS
        from synapse.common import sweeps, triggers

        triggers.register(*TRIGGERS)
        sweeps.register(
            sweeps.Sweep("mark overdue bills", every=timedelta(hours=1), function="billing.services.mark_overdue")
        )

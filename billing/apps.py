"""The billing app: bills, the ledger, the fee schedule."""

from datetime import timedelta

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import checks, erasing  # noqa: F401  the first registers the system checks
        from billing.disclosures import sent_claims
        from billing.models import TRIGGERS, Bill
        from billing.services import missed
        from billing.services.insurance import follow_visit
        from scheduling import changes
        from synapse.audit import disclosures
        from synapse.common import sweeps, triggers
        from synapse.webhooks import kinds

        changes.register(missed.follow_change)
        disclosures.register("claims", sent_claims)
        kinds.register(Bill, kinds.Kind.BILL_ISSUED, kinds.Kind.BILL_PAID)
        erasing.register()
        triggers.register(*TRIGGERS)
        changes.register(follow_visit)
        sweeps.register(
            sweeps.Sweep(
                "mark overdue bills", every=timedelta(hours=1), function="billing.services.collecting.mark_overdue"
            ),
            sweeps.Sweep(
                "ask for the ledger's check", every=timedelta(hours=1), function="billing.services.checks.ask_for_check"
            ),
            sweeps.Sweep(
                "remind of overdue bills", every=timedelta(hours=1), function="billing.services.reminders.queue_due"
            ),
            sweeps.Sweep(
                "send messages about bills", every=timedelta(seconds=30), function="billing.services.sending.send_due"
            ),
            sweeps.Sweep(
                "follow payment links",
                every=timedelta(minutes=5),
                function="billing.services.payment_links.follow_links",
            ),
        )

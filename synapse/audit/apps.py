"""The audit app: an append-only, chained trail of who did what."""

from datetime import timedelta

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "synapse.audit"
    label = "audit"

    def ready(self) -> None:
        from synapse.audit.models import TRIGGERS
        from synapse.common import sweeps, triggers

        triggers.register(*TRIGGERS)
        sweeps.register(
            sweeps.Sweep("audit seal", timedelta(minutes=5), "synapse.audit.seals.seal_head"),
            sweeps.Sweep("audit check", timedelta(days=1), "synapse.audit.verification.check_chain"),
        )

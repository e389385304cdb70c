"""The audit app: an append-only, chained trail of who did what."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "synapse.audit"
    label = "audit"

    def ready(self) -> None:
        from synapse.audit.models import TRIGGERS
        from synapse.common import triggers

        triggers.register(*TRIGGERS)

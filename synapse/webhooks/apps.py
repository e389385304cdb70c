"""Application configuration."""

from datetime import timedelta

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "synapse.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        from synapse.common import sweeps

        sweeps.register(
            sweeps.Sweep("send events out", timedelta(seconds=30), "synapse.webhooks.delivering.send_all_due"),
            sweeps.Sweep("purge events out", timedelta(days=1), "synapse.webhooks.delivering.purge"),
        )

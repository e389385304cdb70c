"""Application configuration."""

from datetime import timedelta

from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "synapse.backups"
    label = "backups"

    def ready(self) -> None:
        from synapse.backups.readiness import checks
        from synapse.common import readiness, sweeps

        readiness.register(*checks())
        sweeps.register(
            sweeps.Sweep("look after backups", timedelta(hours=1), "synapse.backups.schedule.look_after_backups")
        )

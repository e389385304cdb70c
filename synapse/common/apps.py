"""The common app: what every other app stands on."""

from datetime import timedelta

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CommonConfig(AppConfig):
    name = "synapse.common"
    label = "common"

    def ready(self) -> None:
        from synapse.common import checks, sweeps, triggers  # noqa: F401  (importing registers the checks)

        sweeps.register(sweeps.Sweep("clean up", timedelta(days=1), "synapse.common.housekeeping.clean_up"))

        # Once a migrate, after this first app; tables of later apps exist by then, since all migrations ran.
        post_migrate.connect(triggers.install_after_migrate, sender=self, dispatch_uid="common.triggers")

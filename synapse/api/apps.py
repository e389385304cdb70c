from datetime import timedelta

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "synapse.api"
    label = "api"

    def ready(self) -> None:
        from synapse.common.sweeps import Sweep, register

        register(Sweep("forget answers kept for programs", timedelta(hours=1), "synapse.api.idempotency.purge_old"))

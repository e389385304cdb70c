"""The app of calls to the outside."""

from django.apps import AppConfig


class OutsideConfig(AppConfig):
    name = "synapse.outside"
    label = "outside"

    def ready(self) -> None:
        from synapse.common import triggers
        from synapse.outside.models import TRIGGERS

        triggers.register(*TRIGGERS)

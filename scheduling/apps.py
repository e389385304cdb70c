"""The scheduling app: appointments and the calendar."""

from django.apps import AppConfig


class SchedulingConfig(AppConfig):
    name = "scheduling"

    def ready(self) -> None:
        from scheduling.constraints import TRIGGERS
        from synapse.common import triggers

        triggers.register(*TRIGGERS)

"""Application configuration."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "synapse.dashboard"
    label = "dashboard"

    def ready(self) -> None:
        from synapse.dashboard.worklist.registry import count_waiting
        from synapse.web import nav

        nav.register_count("dashboard:worklist", count_waiting)

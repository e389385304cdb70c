"""Application configuration."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "synapse.notifications"
    label = "notifications"

    def ready(self) -> None:
        from synapse.notifications import checks  # noqa: F401

"""Application configuration."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "synapse.notifications"
    label = "notifications"

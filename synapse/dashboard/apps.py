"""Application configuration."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "synapse.dashboard"
    label = "dashboard"

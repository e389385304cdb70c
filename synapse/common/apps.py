"""Application configuration."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "synapse.common"
    label = "common"

"""Application configuration."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "synapse.web"
    label = "web"

"""Application configuration."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "synapse.demo"
    label = "demo"

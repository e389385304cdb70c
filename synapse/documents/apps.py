"""Application configuration."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "synapse.documents"
    label = "documents"

    def ready(self) -> None:
        from synapse.documents import checks  # noqa: F401

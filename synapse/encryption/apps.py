"""The encryption app: field keys, the blind index, key checks."""

from django.apps import AppConfig


class EncryptionConfig(AppConfig):
    name = "synapse.encryption"
    label = "encryption"

    def ready(self) -> None:
        from synapse.encryption import checks  # noqa: F401  (registers the system checks)

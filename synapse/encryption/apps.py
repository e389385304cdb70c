"""The encryption app: field keys, the blind index, key checks."""

from datetime import timedelta

from django.apps import AppConfig


class EncryptionConfig(AppConfig):
    name = "synapse.encryption"
    label = "encryption"

    def ready(self) -> None:
        from synapse.common.sweeps import Sweep, register
        from synapse.encryption import checks  # noqa: F401  (registers the system checks)

        register(Sweep("wrap data keys anew", timedelta(days=1), "synapse.encryption.rotation.bring_home"))

"""The patients app: records, who may open them, consents, search."""

from datetime import timedelta

from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "patients"
    label = "patients"

    def ready(self) -> None:
        from patients.indexing import reindex_all
        from synapse.common import sweeps
        from synapse.encryption import rotation

        rotation.register_reindex("patients", reindex_all)
        sweeps.register(
            sweeps.Sweep("expire consents", every=timedelta(hours=1), function="patients.consent.expire_consents")
        )

"""The patients app: records, who may open them, consents, search."""

from datetime import timedelta

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PatientsConfig(AppConfig):
    name = "patients"
    label = "patients"

    def ready(self) -> None:
        from patients import erasing
        from patients.consents.wording import install_shipped_texts
        from patients.finding.indexing import reindex_all
        from patients.navigation import emergencies_for_strip
        from synapse.common import sweeps
        from synapse.encryption import rotation
        from synapse.web import nav

        erasing.register()
        post_migrate.connect(install_shipped_texts, sender=self)
        nav.register_emergencies(emergencies_for_strip)
        rotation.register_reindex("patients", reindex_all)
        sweeps.register(
            sweeps.Sweep(
                "expire consents", every=timedelta(hours=1), function="patients.consents.services.expire_consents"
            ),
            sweeps.Sweep("end tablets", timedelta(minutes=5), "patients.consents.tablet.expire_sittings"),
            sweeps.Sweep("send consent links", timedelta(seconds=30), "patients.consents.sending.send_due"),
            sweeps.Sweep(
                "end leave covers", every=timedelta(minutes=1), function="patients.handover.services.close_ended"
            ),
        )

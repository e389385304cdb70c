"""The oversight app."""

from datetime import timedelta

from django.apps import AppConfig


class OversightConfig(AppConfig):
    name = "synapse.oversight"
    label = "oversight"

    def ready(self) -> None:
        from synapse.audit import disclosures, seals
        from synapse.common import readiness, sweeps
        from synapse.encryption import erasing
        from synapse.oversight import disclosing, going_live
        from synapse.oversight.seal_copies import BucketKeeper

        seals.set_keeper(BucketKeeper())
        disclosures.register("noted", disclosing.noted)
        disclosures.register("files", disclosing.files)
        disclosures.register("cloud", disclosing.cloud_calls)
        erasing.register(
            "oversight",
            erasing.Rows("oversight.NotedDisclosure", ("patient",), "noted disclosures"),
            erasing.Rows("oversight.AccessAlert", ("patient_id",), "alerts about their record"),
        )
        sweeps.register(sweeps.Sweep("unusual access", timedelta(minutes=5), "synapse.oversight.alert_sweep.look"))
        readiness.register(*going_live.installation_checks())

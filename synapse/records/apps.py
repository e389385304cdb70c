"""The records app: data taken in from another system."""

from datetime import timedelta

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    name = "synapse.records"
    label = "records"

    def ready(self) -> None:
        from reports.printing import statements
        from synapse.audit import disclosures
        from synapse.common import sweeps
        from synapse.records import amendments
        from synapse.records.exports import disclosing, erasing

        statements.register("amendment_requests", amendments.statements_of)
        erasing.register()
        disclosures.register("records fetched", disclosing.fetched)

        sweeps.register(
            sweeps.Sweep("drop forgotten imports", timedelta(hours=12), "synapse.records.services.drop_forgotten"),
            sweeps.Sweep("record files", timedelta(hours=1), "synapse.records.exports.services.delete_expired"),
        )

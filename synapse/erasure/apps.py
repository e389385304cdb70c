"""Application configuration."""

from datetime import timedelta

from django.apps import AppConfig


class ErasureConfig(AppConfig):
    name = "synapse.erasure"
    label = "erasure"

    def ready(self) -> None:
        from synapse.common import sweeps, triggers
        from synapse.encryption import erasing
        from synapse.erasure import answers
        from synapse.erasure.models import TRIGGERS

        triggers.register(*TRIGGERS)
        erasing.register(
            "erasure",
            answers.forget_answers,
            erasing.Rows(
                "erasure.Erasure",
                ("patient",),
                "erasure requests",
                keep={"order": "the lawful ground for erasing before the time was over has to be shown"},
            ),
        )
        sweeps.register(
            sweeps.Sweep("find records past their time", timedelta(days=1), "synapse.erasure.gates.mark_due"),
            sweeps.Sweep("purge what is past its time", timedelta(days=1), "synapse.erasure.purging.purge_expired"),
        )

"""The app of psychotherapy notes: its keys rotate with the others, and its rows go when a patient is erased."""

from django.apps import AppConfig


class PsychotherapyConfig(AppConfig):
    name = "synapse.psychotherapy"
    label = "psychotherapy"

    def ready(self) -> None:
        from synapse.common import erasures
        from synapse.encryption.rotation import register_rewrap
        from synapse.psychotherapy import keys, services

        erasures.register("private notes", services.erase_notes)
        register_rewrap(keys.rewrap, keys.count_under_former_keys)

"""Run background jobs and the schedule of sweeps."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from synapse import worker
from synapse.management.supervised import refuse_unsafe_start_alone


class Command(BaseCommand):
    help = "Run background jobs and the schedule of sweeps."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unsafe_start_alone()
        try:
            worker.serve()
        except worker.ClusterDied as error:
            raise CommandError(str(error)) from None

"""Write words: live while a recording runs, and of those that are over."""

from typing import Any

from django.core.management.base import BaseCommand

from sessions_app.speech import worker
from synapse.management.supervised import refuse_unsafe_start_alone


class Command(BaseCommand):
    help = "Write words: live while a recording runs, and of those that are over."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unsafe_start_alone()
        worker.serve()

"""Prove that the latest backup brings everything back."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from synapse.backups import drill
from synapse.backups.errors import BackupError
from synapse.common import backup_state


class Command(BaseCommand):
    help = "Bring the latest backup of DIR back into a temporary installation and check all of it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = drill.run_drill(options["folder"])
        except BackupError as error:
            raise CommandError(str(error)) from None
        backup_state.note("drill", backup_state.Event(timezone.now(), found["name"], seconds=found["seconds"]))
        self.stdout.write(f"{found['name']} came back whole in {found['seconds']} s.")

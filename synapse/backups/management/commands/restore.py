"""Bring a backup back."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from synapse.backups import drill, services
from synapse.backups.errors import BackupError
from synapse.storage import StorageError

WORD = "replace"


class Command(BaseCommand):
    help = (
        "Bring a backup back into an empty installation: DIR is a backup, or a folder of them, then the latest. Every "
        "byte is compared first; afterwards keys, audit trail, counts and samples are checked, and whoever was erased "
        "since is erased again."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path)
        parser.add_argument("--replace", action="store_true", help="in place of what is there; asks for a word")
        parser.add_argument("--drill", action="store_true", help="into a temporary installation, to see that it works")
        parser.add_argument("--json", action="store_true", help="say what was found as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["replace"] and input(f'Everything here is replaced. Type "{WORD}" to go on: ') != WORD:
            raise CommandError("Nothing was changed.")
        try:
            if options["drill"]:
                found = drill.run_drill(options["folder"])
            else:
                restored = services.restore(options["folder"], is_replacing=options["replace"], at=timezone.now())
                found = services.describe(restored)
        except (BackupError, StorageError) as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        self.stdout.write(
            f"{found['name']} of {found['made_at']} is back in {found['seconds']} s: the audit trail is whole with "
            f"{found['audit_rows']} rows, {found['decrypted']} values were decrypted, {found['objects']} recordings "
            f"compared, {found['erased_again']} patients erased again."
        )

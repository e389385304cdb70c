"""Make a backup of the whole installation."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from synapse.backups import drill, keys_file, services
from synapse.backups.errors import BackupError
from synapse.common import backup_state
from synapse.encryption.errors import KeyServiceUnavailable
from synapse.storage import StorageError

BEFORE_MIGRATION = "before-migration"


class Command(BaseCommand):
    help = (
        "Copy database, files and recordings into DIR, encrypted; recordings that lie there are not copied again. "
        "The keys are not in it: write them with --keys-to, once, and keep that file somewhere else."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path)
        parser.add_argument("--before-migration", action="store_true", help="the database alone, before it is changed")
        parser.add_argument("--keys-to", metavar="FILE", type=Path, help="write the keys too, under a passphrase")

    # When it is called from a program: the moment it happens at.
    stealth_options = ("at",)

    def handle(self, *args: Any, **options: Any) -> str | None:
        folder, at = options["folder"].resolve(), options.get("at") or timezone.now()
        is_first_step = options["before_migration"]
        if options["keys_to"]:
            self._write_keys(options["keys_to"].resolve(), folder)
        try:
            made = services.make_backup(
                folder, at=at, only_database=is_first_step, prefix=BEFORE_MIGRATION if is_first_step else "backup"
            )
        except (BackupError, StorageError, KeyServiceUnavailable, OSError) as error:
            raise CommandError(f"No backup was made. {error}") from None
        if is_first_step:
            return str(made.path)
        backup_state.note("backup", backup_state.Event(at, made.path.name, made.bytes, round(made.seconds, 1)))
        self.stdout.write(
            f"{made.path} holds database and files ({made.bytes:,} bytes) and {made.objects} recordings, "
            f"{made.copied} of them copied now, in {made.seconds:.1f} s."
        )
        return None

    def _write_keys(self, target: Path, folder: Path) -> None:
        if target.is_relative_to(folder) or folder.is_relative_to(target.parent):
            raise CommandError("Keep the keys apart from the backup: name a file in another folder.")
        keys = {name: ",".join(getattr(settings, name)) for name in drill.KEYS}
        try:
            content = keys_file.seal({"SECRET_KEY": settings.SECRET_KEY, **keys}, keys_file.ask_passphrase())
            keys_file.write_private(target, content)
        except keys_file.KeysFileError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"The keys are in {target}. Without them and their passphrase no backup can be read.")

"""Say whether an archive of a record is whole, and take it in: `manage.py import_patient ZIP [--load --doctor NAME]`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from synapse.accounts.models import User
from synapse.accounts.roles import Role
from synapse.common.errors import DomainError
from synapse.records.archives.checking import check
from synapse.records.archives.loading import load


class Command(BaseCommand):
    help = "Checks a zip made by export_patient: exit 0 when it is whole. With --load it becomes a new record here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("archive", type=Path)
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--check", action="store_true", help="Only look; this is what happens without --load.")
        what.add_argument("--load", action="store_true", help="Take it in, whole or not at all. Safe to run twice.")
        parser.add_argument("--doctor", default="", help="User name of the doctor the record is opened to.")

    def handle(self, *args: Any, archive: Path, **options: Any) -> None:
        try:
            with archive.open("rb") as file:
                verdict = check(file)
                for line in verdict.words:
                    self.stdout.write(line)
                if not options["load"]:
                    if not verdict.is_whole:
                        raise CommandError("This archive is not whole.")
                    return
                doctor = User.objects.filter(username=options["doctor"], role=Role.DOCTOR, is_active=True).first()
                if doctor is None:
                    raise CommandError("Name an active doctor with --doctor: somebody has to go on with the patient.")
                imported = load(file, doctor=doctor, by=None, at=timezone.now())
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}.") from None
        except DomainError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"Taken in as {imported.patient.patient_id}. Seals of reports: {imported.seals or 'none'}.")

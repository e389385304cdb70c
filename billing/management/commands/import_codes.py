"""Take a code table in: `manage.py import_codes FILE --system icd10 [--dry-run]`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.models import Code
from billing.services import codes
from synapse.common.csv_reading import BadFile

SHOWN_PROBLEMS = 20


class Command(BaseCommand):
    help = (
        "Take codes in from a CSV file (code, words, minimum_minutes, maximum_minutes, retired, replaced_by) or from "
        "the text files CMS publishes of ICD-10-CM. Codes are added and their words replaced, none is deleted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--system", required=True, choices=Code.System.values)
        parser.add_argument("--dry-run", action="store_true", help="Look at the file and change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = codes.parse(options["system"], codes.read_text(options["file"].read_bytes()))
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}") from None
        except BadFile as refusal:
            raise CommandError(refusal.message) from None
        for number, cell, why in found.problems[:SHOWN_PROBLEMS]:
            self.stderr.write(f"Row {number} ({cell}): {why}")
        if len(found.problems) > SHOWN_PROBLEMS:
            self.stderr.write(f"… and {len(found.problems) - SHOWN_PROBLEMS} more rows with a problem.")
        if options["dry_run"]:
            done = codes.compare(options["system"], found.rows)
        else:
            done = codes.import_codes(options["system"], found.rows, by=None, at=timezone.now())
        verb = "Would add" if options["dry_run"] else "Added"
        self.stdout.write(
            f"{verb} {done.new}, change {done.changed}, leave {done.same} as they are; "
            f"{len(found.problems)} rows with a problem, {found.headings} headings."
        )

"""Give the bucket of the recordings its lifecycle rules, and say what else endangers or outlives a deletion."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from synapse import bucket_rules
from synapse.storage import StorageError


class Command(BaseCommand):
    help = (
        "Add the lifecycle rules the bucket needs (plain copies, unfinished uploads and old versions go after a day) "
        "and report what else to change. Other rules stay. Safe to run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when something is to be done")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        try:
            report = bucket_rules.check() if check else bucket_rules.apply()
        except StorageError as error:
            raise CommandError(str(error)) from None
        for rule in bucket_rules.RULES:
            state = "present" if rule not in report.missing else ("missing" if check else "added")
            self.stdout.write(f"{state}: {bucket_rules.words_of(rule)}")
        for finding in report.findings:
            self.stdout.write(f"look: {finding}")
        if check and (report.missing or report.findings):
            raise CommandError(
                f"{len(report.missing)} rules are missing and {len(report.findings)} settings of {report.bucket} need "
                "a look. Run set_bucket_lifecycle to add the rules."
            )

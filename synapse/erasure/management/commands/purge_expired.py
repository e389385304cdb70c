"""Destroy what is past its time, or only count it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from synapse.erasure.purging import purge_expired


class Command(BaseCommand):
    help = "Destroy what is past its time: recordings, stopped uploads, kept answers, ended sign-ins and the like."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        for name, count in purge_expired(timezone.now(), is_dry_run=options["dry_run"]).items():
            self.stdout.write(f"{count:6} {name}")

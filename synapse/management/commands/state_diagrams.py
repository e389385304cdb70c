"""Print the state diagrams, or write them into STATES.md."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from synapse.common import diagrams

PAGE: Path = settings.BASE_DIR / "synapse" / "STATES.md"


class Command(BaseCommand):
    help = "Print the state diagrams made from the transition tables; --write makes STATES.md of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        made = diagrams.document()
        if options["write"]:
            PAGE.write_text(made)
        else:
            self.stdout.write(made, ending="")

"""Print the state diagrams, or write them into ARCHITECTURE.md."""

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from synapse.common import diagrams

ARCHITECTURE: Path = settings.BASE_DIR / "synapse" / "ARCHITECTURE.md"


class Command(BaseCommand):
    help = "Print the state diagrams made from the transition tables; --write puts them into ARCHITECTURE.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        made = diagrams.document()
        if not options["write"]:
            self.stdout.write(made)
            return
        between = re.compile(f"{re.escape(diagrams.BEGIN)}.*{re.escape(diagrams.END)}", re.DOTALL)
        ARCHITECTURE.write_text(between.sub(lambda _: made, ARCHITECTURE.read_text()))

"""Walk the audit chain: exit 0 when it is whole, 1 with the first broken row's number."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from synapse.audit.verification import check_chain


class Command(BaseCommand):
    help = "Walk the audit chain; exit 0 when it is whole, 1 with the first broken row's number."

    def handle(self, *args: Any, **options: Any) -> None:
        check = check_chain(timezone.now())
        if check.is_whole:
            self.stdout.write(f"The audit trail is whole: {check.events} rows.")
            return
        self.stderr.write(f"The audit trail is broken at row {check.broken_seq}: {check.reason}.")
        sys.exit(1)

"""`check_ledger`: does every bill agree with its entries, every month with both, and are the numbers gap-free?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.ledger.checking import find_faults


class Command(BaseCommand):
    help = (
        "Compare bills, ledger entries, payments, credit, monthly totals and numbers; name what does not add up, "
        "without amounts. Exit 1 when something does not. The worker does the same every night."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for fault in find_faults(timezone.now()):
            count += 1
            self.stdout.write(f"{fault.where}: {fault.what}")
        if count:
            raise CommandError(f"{count} faults found.")
        self.stdout.write("The ledger adds up.")

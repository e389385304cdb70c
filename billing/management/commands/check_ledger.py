"""`check_ledger`: does every bill agree with its entries, every month with both, and are the numbers gap-free?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.checking import find_faults


class Command(BaseCommand):
    help = "Compare bills, ledger entries, monthly totals and invoice numbers. Exit 1 when something does not add up."

    def handle(self, *args: Any, **options: Any) -> None:
        faults = list(find_faults())
        for fault in faults:
            self.stdout.write(f"{fault.where}: {fault.what}")
        if faults:
            raise CommandError(f"{len(faults)} faults found.")
        self.stdout.write("The ledger adds up.")

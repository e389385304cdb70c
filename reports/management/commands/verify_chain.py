"""Walk the chains of signed documents: exit 0 when all are whole, 1 with the first broken entry."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from patients.models import Patient
from reports.sealing.chain_walk import walk_chains


class Command(BaseCommand):
    help = "Walk the chain of signed documents of every patient, or of those named; exit 1 with the first broken entry."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("patients", nargs="*", metavar="PAT-...", help="patient numbers; none: every patient")

    def handle(self, *args: Any, **options: Any) -> None:
        chains = entries = erased = 0
        for verdict in walk_chains(_patients(options["patients"])):
            if verdict.broken:
                broken = verdict.broken
                self.stderr.write(f"The chain of {broken.patient} is broken at entry {broken.number}: {broken.reason}.")
                sys.exit(1)
            chains, entries, erased = chains + 1, entries + verdict.entries, erased + verdict.erased
        words = f" {erased} of them sign content that was erased on purpose." if erased else ""
        self.stdout.write(f"{chains} chains with {entries} signatures are whole.{words}")


def _patients(numbers: list[str]) -> Any:
    patients = Patient.objects.order_by("pk")
    if not numbers:
        return patients.iterator()
    named = patients.filter(patient_id__in=numbers)
    if unknown := sorted(set(numbers) - {patient.patient_id for patient in named}):
        raise CommandError(f"There is no patient with the number {', '.join(unknown)}.")
    return named

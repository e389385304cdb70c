"""Erase a patient at once, from the machine's console."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from patients.models import Patient
from synapse.common.errors import DomainError
from synapse.erasure import services
from synapse.erasure.models import Erasure


class Command(BaseCommand):
    help = (
        "Destroy everything about a patient: keys, recordings, texts, search tokens, links. Refused while a legal hold "
        "stands or the law asks for the record. Running it again goes on with files that are left."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("patient", metavar="PAT-...", help="the patient's number")
        parser.add_argument("--asked-by", choices=Erasure.AskedBy.values, default=Erasure.AskedBy.PATIENT)
        parser.add_argument("--reason", default="Asked for at the console.", help="kept until the record is gone")
        parser.add_argument("--order", default="", help="the court's or authority's order, while the law asks for it")

    def handle(self, *args: Any, **options: Any) -> None:
        patient = Patient.objects.select_related("merged_into").filter(patient_id=options["patient"]).first()
        if patient is None:
            raise CommandError("There is no patient with this number.")
        at = timezone.now()
        try:
            certificate = services.erase_at_once(
                patient, asked_by=options["asked_by"], reason=options["reason"], order=options["order"], at=at
            )
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        left = services.remove_files(certificate.erasure_id, at=at)
        for noun, count in certificate.facts["destroyed"].items():
            self.stdout.write(f"{count} {noun}")
        self.stdout.write(f"Certificate {certificate.number}, hash {certificate.content_hash}.")
        if left:
            raise CommandError(f"{left} files could not be removed yet. The worker tries again; so does this command.")

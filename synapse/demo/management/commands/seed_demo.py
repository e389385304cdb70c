"""`seed_demo`: the demo clinic, or many synthetic patients."""

import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from synapse.accounts.models import User
from synapse.demo import bulk, seeding


class Command(BaseCommand):
    help = "Load the demo clinic into an empty database, or add N synthetic patients. Demo mode only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--patients", type=int, metavar="N", help="Add N synthetic patients instead.")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.MODE != "demo":
            raise CommandError("Demo data is for demo mode only. This installation runs with SYNAPSE_MODE=production.")
        if options["patients"] is not None:
            self._add_patients(options["patients"])
            return
        if User.objects.exists():
            self.stdout.write("There are people in this database already; the demo clinic was not loaded.")
            return
        password = settings.DEMO_PASSWORD or secrets.token_urlsafe(12)
        seeding.seed_clinic(password=password, at=timezone.now())
        self.stdout.write("Demo clinic loaded. User names: doctor, doctor2, receptionist, admin.")
        if not settings.DEMO_PASSWORD:
            self.stdout.write(f"Password: {password}")

    def _add_patients(self, count: int) -> None:
        doctor = User.objects.filter(username="doctor").first()
        if doctor is None or count < 1:
            raise CommandError("Load the demo clinic first (`seed_demo` alone), then give a number above 0.")
        bulk.add_patients(count, doctor=doctor, at=timezone.now())
        self.stdout.write(f"{count} synthetic patients added for the user name doctor.")

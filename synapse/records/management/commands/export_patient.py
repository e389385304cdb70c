"""Write everything about one patient into a folder: `manage.py export_patient PAT-20250001 DIR`."""

import os
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from patients.models import Patient
from synapse.accounts.models import User
from synapse.accounts.roles import Role
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.durable_files import sync_folder
from synapse.records.exports.building import build


class Command(BaseCommand):
    help = "Writes a zip with everything about a patient into a folder, readable by you alone. Running it again replaces it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("patient", help="The record's number, such as PAT-20250001.")
        parser.add_argument("folder", type=Path, help="Where the zip goes; made when it is not there.")
        parser.add_argument("--drafts", action="store_true", help="With reports that are not signed yet.")

    def handle(self, *args: Any, patient: str, folder: Path, drafts: bool, **options: Any) -> None:
        found = Patient.objects.select_related("merged_into").filter(patient_id=patient).first()
        if found is None:
            raise CommandError(f"There is no record {patient}.")
        # Who runs this holds the keys; the trail names the system, and an administrator's scope is what is read.
        reader = User.objects.filter(role=Role.ADMIN, is_active=True).order_by("date_joined").first()
        if reader is None:
            raise CommandError("There is no administrator yet: run create_admin first.")
        kept, at = found.kept_record, timezone.now()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = folder / f"{kept.patient_id}.zip"
        handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                built = build(kept, file, by=reader, at=at, with_drafts=drafts)
                file.flush()
                os.fsync(file.fileno())
            with unit_of_work():
                detail = {"verb": "export_patient", "files": built.file_count, "manifest": built.manifest_sha256}
                record(Action.EXPORT, by=None, target=kept, patient_id=kept.pk, detail=detail)
            Path(name).replace(target)
            sync_folder(folder)
        finally:
            Path(name).unlink(missing_ok=True)
        self.stdout.write(f"{target}: {built.file_count} files.")

"""Put an archive together: the files of a record, an index to read them by, and the signed manifest."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.template.loader import render_to_string

from patients.consents.wording import words_of
from patients.models import Consent, Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.records.exports import manifest as manifests
from synapse.records.exports.contents import Item, Record, items_of
from synapse.records.exports.entities import ENTITIES, LEFT_OUT, WITHHELD
from synapse.records.exports.manifest import Manifest
from synapse.records.exports.shelf import Shelf
from synapse.records.exports.zipping import Archive, Sink

STYLE = Path(__file__).parent / "style.css"
KINDS = {
    "document": "Documents",
    "transcript": "Transcripts",
    "audio": "Recordings",
    "table": "Tables",
    "audit": "Who looked at the record",
    "fhir": "For other systems",
    "data": "Everything as data",
}
Told = Callable[[int], None]


@dataclass(frozen=True)
class Built:
    """What was written."""

    file_count: int
    manifest_sha256: str


def build(
    patient: Patient,
    sink: "Sink | BinaryIO",
    *,
    by: User,
    at: datetime,
    with_drafts: bool = False,
    shelf: Shelf | None = None,
    told: Told = lambda number: None,
) -> Built:
    """Write everything about a patient as a zip, as far as `by` reads it. `told` hears how many files are done.

    Raises StorageError when a recording breaks off, and with a shelf TimeIsUp. It records nothing: whoever hands the archive on does.
    """
    record = Record(patient.kept_record, by, at, with_drafts=with_drafts)
    if shelf is not None:
        record.shelf = shelf
    with Archive(sink, at=at) as archive:
        listed: list[Item] = []
        for item in items_of(record):
            archive.add(item.path, item.parts(), kind=item.kind)
            listed.append(item)
            told(len(listed))
        clinic = ClinicSettings.load()
        archive.add("consents.html", [_consents(record, clinic)], kind="document")
        archive.add("style.css", [STYLE.read_bytes()], kind="index")
        archive.add("index.html", [_index(record, listed, archive, clinic)], kind="index")
        content = manifests.as_bytes(_manifest(record, archive, clinic))
        archive.add(manifests.MANIFEST, [content], kind="manifest")
        archive.add(manifests.SIGNATURE, [manifests.sign(content, settings.SIGNING_KEY)], kind="manifest")
    return Built(len(archive.files), manifests.digest_of(content))


def _manifest(record: Record, archive: Archive, clinic: ClinicSettings) -> Manifest:
    return Manifest(
        made_at=record.at.isoformat(),
        installation=clinic.name,
        patient={
            "id": str(record.patient.pk),
            "number": record.patient.patient_id,
            "records": [str(pk) for pk in record.ids],
        },
        with_drafts=record.with_drafts,
        files=list(archive.files),
        fields={entity.name: [field.name for field in entity.fields] for entity in ENTITIES},
        counts={entity.name: record.counts[entity.name] for entity in ENTITIES},
        left_out=record.left_out,
    )


def _index(record: Record, listed: list[Item], archive: Archive, clinic: ClinicSettings) -> bytes:
    sizes = {file.path: file.bytes for file in archive.files}
    groups = [
        (title, [(item, sizes[item.path]) for item in listed if item.kind == kind]) for kind, title in KINDS.items()
    ]
    context: dict[str, Any] = {
        "patient": record.patient,
        "clinic": clinic,
        "made_at": record.at.astimezone(clinic.zone),
        "groups": [(title, items) for title, items in groups if items],
        "counts": [(entity.title, record.counts[entity.name]) for entity in ENTITIES if record.counts[entity.name]],
        "left_out": record.left_out,
        "withheld": WITHHELD,
        "tables": LEFT_OUT.values(),
        "with_drafts": record.with_drafts,
    }
    return render_to_string("records/archive/index.html", context).encode()


def _consents(record: Record, clinic: ClinicSettings) -> bytes:
    answers = Consent.objects.filter(patient__in=record.ids).select_related("recorded_by").order_by("created_at")
    rows = [(answer, words_of(answer)) for answer in answers]
    return render_to_string("records/archive/consents.html", {"rows": rows, "clinic": clinic}).encode()

"""What goes of a patient's requests when the patient is erased: files, links and words; that there was one stays."""

from datetime import datetime
from uuid import UUID

from synapse.common import erasures
from synapse.common.transitions import advance
from synapse.encryption import erasing
from synapse.encryption.erasing import Rows
from synapse.records.exports import services
from synapse.records.exports.models import RecordExport
from synapse.records.exports.shelf import clear


def register() -> None:
    """Register the step; called when the app is ready."""
    erasing.register(
        "records given away",
        end_files,
        Rows("records.ExportLink", ("export__request__patient",), "links to files of the record", is_deleted=True),
        Rows("records.RecordExport", ("request__patient",), "files of the record"),
        Rows("records.AccessRequest", ("patient",), "requests for the record"),
        Rows("records.AmendmentRequest", ("patient",), "requests for a correction"),
    )
    erasures.register_files("records given away", services.remove_files)


def end_files(patient_id: UUID, at: datetime) -> dict[str, int]:
    """Delete the files there are, with their keys, and end those in the making."""
    for export in RecordExport.objects.filter(request__patient=patient_id).select_for_update():
        clear(export)
        services.delete_file(export, at=at)
        if export.is_in_the_making:
            advance(export, RecordExport.Status.FAILED, at=at, error_code=erasing.ERASED_CODE, key="")
    return {}

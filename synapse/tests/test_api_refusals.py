"""What nobody may open leaves a row in the trail, under whichever address; what an address does not know is refused."""

import uuid

import pytest

from patients.tests.factories import make_patient
from sessions_app.tests.factories import make_session
from synapse.audit.models import AuditEvent
from synapse.tests.api_clinic import furnish
from synapse.tests.api_probe import address_of, operations

ADDRESSES = {
    "patients/{patients}/": "patient",
    "patients/{patients}/consents/": "consent",
    "patients/{patients}/consents/{row}/": "consent",
    "patients/{patients}/sessions/": "PatientSessionViewSet",
    "patients/{patients}/bills/": "PatientBillViewSet",
    "patients/{patients}/reports/": "PatientReportViewSet",
    "patients/{patients}/audit/": "AuditTrailViewSet",
    "sessions/{sessions}/audio/uploads/": "session-upload",
    "sessions/{sessions}/audio/uploads/{row}/": "session-upload",
    "bills/{row}/ledger/": "BillLedgerViewSet",
    "reports/{row}/shares/": "report-share",
    "webhooks/{row}/deliveries/": "webhook-delivery",
}


@pytest.mark.django_db
def test_every_foreign_row_asked_for_is_on_record(api, asha, ben, omar):
    patient = make_patient(ben)
    ids_of = {"patients": patient.pk, "sessions": make_session(ben, patient=patient).pk, "row": uuid.uuid4()}
    for address, kind in ADDRESSES.items():
        filled = address.format(**ids_of)
        client = api(omar if kind == "webhook-delivery" else asha)
        assert client.get(f"/api/v1/{filled}").status_code == 404, filled

        event = AuditEvent.objects.latest("seq")
        ids = [part for part in filled.split("/") if "-" in part and len(part) == 36]
        assert (event.outcome, event.target_type, event.target_id) == ("denied", kind, ids[-1]), filled
        above = {value for name, value in event.detail.items() if name.endswith("_pk")}
        assert {event.target_id, *above} == set(ids), filled
        patient_id = str(event.patient_id) if event.patient_id else None
        assert patient_id == (str(patient.pk) if filled.startswith("patients") else None), filled


@pytest.mark.django_db
def test_one_row_takes_no_page_and_no_order(api, asha):
    client, held = api(asha), furnish(asha, "zzasha")
    rows = [one for one in operations() if one.startswith("GET ") and one.endswith(("{id}/", "/transcription/"))]
    taken = [
        f"{operation} {name}"
        for operation in [*rows, "GET /profile/"]
        for name in ("page", "page_size", "cursor", "ordering", "search")
        if client.get(address_of(operation, operation.split()[1], held), {name: "1"}).status_code in {200, 206}
    ]
    assert rows
    assert not taken

"""A report as a document Bundle: the Composition, then all it points to.

Evidence is a Provenance of the Composition: one entity a numbered place in the recording, so that a reader that does
not know the numbers still has sections it can show. The recording itself never leaves the clinic.
"""

import json
from collections.abc import Iterator
from uuid import UUID

from reports.models import Report
from reports.printing.loading import given_co_signatures
from reports.printing.printed import PrintedReport
from reports.printing.rendering import header_of
from reports.writers.fhir.composition import composition, identifier_of, written_at
from reports.writers.fhir.people import (
    encounter_parties,
    encounter_time,
    organization,
    patient_identity,
    practitioner_identity,
)
from reports.writers.fhir.values import (
    Resource,
    derived_id,
    instant,
    organization_id,
    system,
    urn,
    without_empty,
)
from synapse.accounts.models import User

PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def fhir_document(printed: PrintedReport) -> bytes:
    """Return a report as a FHIR R4 document Bundle in JSON."""
    return json.dumps(bundle_of(printed), indent=2, ensure_ascii=False).encode()


def bundle_of(printed: PrintedReport) -> Resource:
    """Return the Bundle: Composition first, then everything it points to."""
    report = printed.report
    session = report.session
    people = {person.pk: person for person in _people(report)}
    subject = _refer("Patient", session.patient_id)
    resources = [
        (report.pk, composition(printed, subject=subject, refer=_refer)),
        (session.patient_id, patient_identity(session.patient)),
        *((pk, practitioner_identity(one, header_of(one, with_logo=False))) for pk, one in people.items()),
        (organization_id(), organization(printed.header)),
        (session.pk, encounter_time(session, subject=subject) | encounter_parties(session, _refer)),
        (derived_id("device"), _device(report)),
        (derived_id(f"provenance {report.pk}"), _provenance(printed)),
    ]
    bundle: Resource = without_empty(
        {
            "resourceType": "Bundle",
            "type": "document",
            "identifier": identifier_of(report),
            "timestamp": instant(written_at(report)),
            "entry": [{"fullUrl": urn(pk), "resource": resource | {"id": str(pk)}} for pk, resource in resources],
        }
    )
    return bundle


def _people(report: Report) -> Iterator[User]:
    yield report.session.doctor
    if report.signed_by:
        yield report.signed_by
    for signed in given_co_signatures(report):
        yield signed.supervisor


def _device(report: Report) -> Resource:
    model = [{"name": report.ai_model, "type": "model-name"}] if report.ai_model else []
    return {
        "resourceType": "Device",
        "deviceName": [{"name": "SynapseAI", "type": "user-friendly-name"}, *model],
    }


def _provenance(printed: PrintedReport) -> Resource:
    report = printed.report
    session_id = report.session.session_id
    return {
        "resourceType": "Provenance",
        "target": [_refer("Composition", report.pk)],
        "recorded": instant(written_at(report)),
        "agent": [
            {"type": _participant("author", "Author"), "who": _refer("Practitioner", report.session.doctor_id)},
            {"type": _participant("assembler", "Assembler"), "who": _refer("Device", derived_id("device"))},
        ],
        "entity": [
            {
                "role": "source",
                "what": {
                    "identifier": {
                        "system": system("recording"),
                        "value": f"{session_id}#t={_seconds(source.evidence['start_ms'])},"
                        f"{_seconds(source.evidence['end_ms'])}",
                    },
                    "display": f"{source.number}: recording of {session_id} at {source.time}",
                },
            }
            for source in printed.sources
        ],
    }


def _participant(code: str, display: str) -> Resource:
    return {"coding": [{"system": PARTICIPANT, "code": code, "display": display}]}


def _refer(kind: str, pk: UUID) -> Resource:
    """Point to another entry of the Bundle."""
    return {"reference": urn(pk)}


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g}"

"""What this server can do, as a CapabilityStatement: written from what it serves, so that it cannot promise more."""

from reports.writers.fhir.values import Resource, without_empty
from synapse.fhir.kind import Kind
from synapse.fhir.kinds import KINDS
from synapse.fhir.resources.meta import base_url
from synapse.fhir.search import parameters_of

FHIR_VERSION = "4.0.1"
# The day this statement last changed in what it says.
CHANGED_ON = "2026-11-26"
EVERYTHING = "http://hl7.org/fhir/OperationDefinition/Patient-everything"
DEFINITIONS = "http://hl7.org/fhir/SearchParameter"
SECURITY = (
    "Authorization: Bearer with a token from POST /api/v1/auth/token/ or from the profile page. Every answer is limited "
    "to what the person and the token's scopes may read, and is recorded. Notes of sessions are in no resource."
)
SEARCHING = (
    "An unknown parameter is refused. _count is at most 100, _sort takes _lastUpdated and, where there is one, date. "
    "Names of patients may be sent by POST to _search, so that they stand in no address."
)


def capability_statement() -> Resource:
    """Return the statement; it holds nothing of the clinic."""
    statement: Resource = without_empty(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": CHANGED_ON,
            "kind": "instance",
            "software": {"name": "SynapseAI"},
            "implementation": {"description": "SynapseAI, read access", "url": base_url()},
            "fhirVersion": FHIR_VERSION,
            "format": ["application/fhir+json", "json"],
            "rest": [
                {
                    "mode": "server",
                    "documentation": SEARCHING,
                    "security": {"cors": False, "description": SECURITY},
                    "resource": [*(_resource(kind) for kind in KINDS.values()), _binary()],
                }
            ],
        }
    )
    return statement


def _resource(kind: Kind) -> Resource:
    return {
        "type": kind.name,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "readHistory": False,
        "conditionalRead": "not-match",
        "searchParam": [
            {
                "name": name,
                "type": parameter.type,
                "definition": _definition(kind, name),
                "documentation": parameter.documentation,
            }
            for name, parameter in parameters_of(kind).items()
        ],
        "operation": [{"name": "everything", "definition": EVERYTHING}] if kind.name == "Patient" else [],
    }


def _binary() -> Resource:
    return {
        "type": "Binary",
        "documentation": "The PDF of a signed report, as its DocumentReference names it.",
        "interaction": [{"code": "read"}],
        "versioning": "no-version",
    }


def _definition(kind: Kind, name: str) -> str:
    """Return the specification's own definition of a parameter."""
    if name in {"_id", "_lastUpdated"}:
        return f"{DEFINITIONS}/Resource-{name.removeprefix('_')}"
    return f"{DEFINITIONS}/{_SHARED.get((kind.name, name), f'{kind.name}-{name}')}"


# Some parameters are defined once for several resources.
_SHARED = {
    ("Patient", "birthdate"): "individual-birthdate",
    ("Patient", "family"): "individual-family",
    ("Patient", "given"): "individual-given",
    ("Encounter", "patient"): "clinical-patient",
    ("Encounter", "date"): "clinical-date",
    ("Encounter", "identifier"): "clinical-identifier",
    ("Composition", "patient"): "clinical-patient",
    ("Composition", "date"): "clinical-date",
    ("Composition", "encounter"): "clinical-encounter",
    ("DocumentReference", "patient"): "clinical-patient",
    ("DocumentReference", "encounter"): "clinical-encounter",
    ("Consent", "patient"): "clinical-patient",
}

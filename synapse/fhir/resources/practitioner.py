"""Somebody who treats patients, as their documents name them."""

from reports.printing.rendering import header_of
from reports.writers.fhir.people import practitioner_identity
from reports.writers.fhir.values import Resource
from synapse.accounts.models import User
from synapse.fhir.resources.meta import finished

NPI = "http://hl7.org/fhir/sid/us-npi"
TAXONOMY = "http://nucc.org/provider-taxonomy"


def practitioner_resource(person: User) -> Resource:
    """Return a practitioner; the address they sign in with is not theirs to be written to by patients, so it is left out."""
    identity = practitioner_identity(person, header_of(person, with_logo=False))
    profile = getattr(person, "profile", None)
    npi = [{"system": NPI, "value": profile.npi}] if profile and profile.npi else []
    qualification = list(identity["qualification"])
    if profile and profile.taxonomy_code:
        qualification.append({"code": {"coding": [{"system": TAXONOMY, "code": profile.taxonomy_code}]}})
    resource = {
        **identity,
        "active": person.is_active,
        "identifier": [*identity["identifier"], *npi],
        "telecom": [{"system": "phone", "value": profile.phone, "use": "work"}] if profile and profile.phone else [],
        "qualification": qualification,
    }
    return finished(resource, person.pk, updated_at=profile.updated_at if profile else None)

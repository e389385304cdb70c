"""The clinic this installation serves."""

from reports.writers.fhir.values import Resource, organization_id
from synapse.accounts.models import ClinicSettings
from synapse.fhir.resources.meta import finished


def organization_resource(clinic: ClinicSettings) -> Resource:
    """Return the clinic."""
    telecom = [("phone", clinic.phone), ("email", clinic.email)]
    resource = {
        "resourceType": "Organization",
        "active": True,
        "name": clinic.name,
        "telecom": [{"system": system, "value": value, "use": "work"} for system, value in telecom if value],
        "address": [{"use": "work", "text": clinic.address, "country": clinic.region}] if clinic.address else [],
    }
    return finished(resource, organization_id(), updated_at=None)

"""What oversight keeps: findings about access, disclosures noted by hand, incidents, agreements with companies."""

from synapse.oversight.models.alerts import AccessAlert, AlertSettings
from synapse.oversight.models.associates import Associate
from synapse.oversight.models.disclosures import NotedDisclosure
from synapse.oversight.models.incidents import Incident, IncidentPatient
from synapse.oversight.models.readiness import Confirmation

__all__ = [
    "AccessAlert",
    "AlertSettings",
    "Associate",
    "Confirmation",
    "Incident",
    "IncidentPatient",
    "NotedDisclosure",
]

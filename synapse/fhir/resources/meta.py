"""What every resource of the server has: its id, when it last changed, its version."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from reports.writers.fhir.values import CONFIDENTIALITY, CONFIDENTIALITY_SYSTEM, Resource, without_empty

BASE_PATH = "/api/v1/fhir"
RESTRICTED = [{"system": CONFIDENTIALITY_SYSTEM, "code": CONFIDENTIALITY, "display": "restricted"}]


def base_url() -> str:
    """Return the address resources of this installation are found under."""
    return f"{settings.BASE_URL}{BASE_PATH}"


def full_url(resource: Resource) -> str:
    return f"{base_url()}/{resource['resourceType']}/{resource['id']}"


def refer(kind: str, pk: UUID) -> Resource:
    """Point to another resource of this server."""
    return {"reference": f"{kind}/{pk}"}


def finished(resource: Resource, pk: UUID, *, updated_at: datetime | None, is_clinical: bool = False) -> Resource:
    """Return a resource without empty elements, with its id and version.

    The version is a hash of what the resource says: it changes when, and only when, this person would read something
    else.
    """
    meta: dict[str, Any] = {
        "lastUpdated": updated_at.astimezone(UTC).isoformat(timespec="microseconds") if updated_at else None,
        "security": RESTRICTED if is_clinical else [],
    }
    said: Resource = without_empty({"id": str(pk), "meta": meta, **resource})
    text = json.dumps(said, sort_keys=True, ensure_ascii=False)
    version = {"versionId": hashlib.sha256(text.encode()).hexdigest()[:32], **said.get("meta", {})}
    return {"resourceType": said["resourceType"], "id": said["id"], **said, "meta": version}

"""The small parts every FHIR resource is made of: instants, references, identifiers, narrative."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings
from django.utils.html import escape

from synapse.documents.text import printable

Resource = dict[str, Any]
# Writes a reference to a resource, given its type and id: inside a document and on the server they look different.
Refer = Callable[[str, UUID], Resource]

URI = "urn:ietf:rfc:3986"
LOINC = "http://loinc.org"
CONFIDENTIALITY_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
# Restricted: what a mental-health practice writes is more than normally sensitive (v3-Confidentiality).
CONFIDENTIALITY = "R"


def instant(at: datetime) -> str:
    """Write a moment in UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def urn(pk: object) -> str:
    return f"urn:uuid:{pk}"


def system(name: str) -> str:
    """Return the URI under which this installation gives out identifiers of a kind."""
    return f"{settings.BASE_URL}/identifiers/{name}"


def derived_id(name: str) -> UUID:
    """Return the id of what is no row but the same in every answer of this installation."""
    return uuid5(NAMESPACE_URL, f"{settings.BASE_URL}/{name}")


def organization_id() -> UUID:
    return derived_id("clinic")


def coded(code_system: str, code: str, display: str, text: str = "") -> Resource:
    """Return a CodeableConcept with one code."""
    return {"coding": [{"system": code_system, "code": code, "display": display}], "text": text}


def narrative(body: str) -> Resource:
    """Return a Narrative whose words stand in no other element; `body` is XHTML."""
    return {"status": "additional", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>'}


def xml(text: str) -> str:
    """Write text so that a reader of XHTML sees it as it is."""
    return escape(printable(text)).replace("\n", "<br/>")


def without_empty(value: Any) -> Any:
    """Drop None, empty text and empty lists: FHIR allows no empty element."""
    if isinstance(value, dict):
        kept = {key: without_empty(part) for key, part in value.items()}
        return {key: part for key, part in kept.items() if part not in (None, "", [], {})}
    if isinstance(value, list):
        return [part for part in map(without_empty, value) if part not in (None, "", [], {})]
    return value

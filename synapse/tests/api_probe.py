"""One request to every operation of the API's document, with the ids of one doctor's rows."""

from typing import Any

from django.db import transaction

from synapse.api_docs import document
from synapse.tests.api_clinic import Holdings

# Rows whose state lets the verb do something: of a signed report, of the session that runs.
OTHER_ROWS = {
    "POST /sessions/{id}/complete/": "live",
    "PUT /sessions/{id}/": "live",
    "PATCH /sessions/{id}/": "live",
    "DELETE /sessions/{id}/": "live",
    "POST /reports/{id}/amend/": "signed",
    "POST /reports/{id}/export/": "signed",
    "POST /reports/{id}/share/": "signed",
}
# Where an empty body is refused before anybody looks whose row it is.
BODIES = {"POST /appointments/{id}/cancel/": '{"reason": "Patient called"}'}


def operations() -> list[str]:
    """Return every operation as `GET /patients/{id}/`."""
    return [
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in document()["paths"].items()
        for method in methods
    ]


def probe(client: Any, operation: str, held: Holdings) -> Any:
    """Send an operation with an empty body to the doctor's rows, undo it, and return the answer."""
    method, template = operation.split(" ", 1)
    body = BODIES.get(operation, "{}")
    with transaction.atomic():
        response = client.generic(method, address_of(operation, template, held), body, content_type="application/json")
        transaction.set_rollback(True)
    return response


def address_of(operation: str, template: str, held: Holdings) -> str:
    parts = template.split("/")
    for place, part in enumerate(parts):
        if part.startswith("{"):
            kind = OTHER_ROWS.get(operation, parts[place - 1])
            parts[place] = str(held.ids.get(kind, held.ids["patients"]))
    return "/api/v1" + "/".join(parts)


def text_of(response: Any) -> str:
    """Return an answer's body and headers as text, a streamed one as well."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return body.decode("utf-8", errors="replace") + str(response.headers)

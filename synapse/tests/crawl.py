"""Every page of the product with the ids of one doctor's rows in its address, and the words of an answer whatever its kind."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from pypdf import PdfReader

from synapse.tests.api_clinic import Holdings

PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
# Which of a doctor's rows a parameter means, by its name, else by the namespace it stands in, else the patient.
BY_NAME = {"patient_pk": "patients", "session_pk": "sessions", "bill_pk": "bills", "report_pk": "signed"}
BY_NAMESPACE = {
    "patients": ["patients"],
    "sessions": ["sessions", "live", "transcriptions"],
    "reports": ["signed", "reports"],
    "scheduling": ["appointments"],
    "billing": ["bills"],
    "report_templates": ["templates"],
    "accounts": ["availability"],
    "private_notes": ["notes"],
}
OTHERS = {"int": "1", "str": "x", "slug": "x", "path": "x", "date": "2025-03-01"}


@dataclass(frozen=True)
class Address:
    """A route of the product and the paths that mean one of the doctor's rows."""

    name: str
    paths: tuple[str, ...]


def every_address(held: Holdings) -> list[Address]:
    """Return every address but the API's, which has a matrix of its own, with each row that may be meant."""
    return [
        Address(name, tuple(_filled(route, name.partition(":")[0], held)))
        for name, route in _routes(get_resolver().url_patterns, "/", "")
        if not route.startswith("/api/") and "(?P<" not in route and "^" not in route
    ]


def _routes(patterns: list[Any], prefix: str, namespace: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route, pattern.namespace or namespace)
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}:{pattern.name}", route


def _filled(route: str, namespace: str, held: Holdings) -> Iterator[str]:
    names = [name for kind, name in PARAMETER.findall(route) if kind == "uuid"]
    free = [name for name in names if name not in BY_NAME]
    kinds = BY_NAMESPACE.get(namespace) or [namespace if namespace in held.ids else "patients"]
    for row in [held.ids.get(kind, held.ids["patients"]) for kind in (kinds if free else kinds[:1])]:
        yield PARAMETER.sub(lambda found, row=row: _value(found, row, held), route)


def _value(found: re.Match[str], row: UUID, held: Holdings) -> str:
    kind, name = found[1] or "str", found[2]
    if kind == "uuid":
        return str(held.ids[BY_NAME[name]] if name in BY_NAME else row)
    return OTHERS.get(kind, "x")


def ask(client: Any, path: str, method: str = "get") -> tuple[Any, str]:
    """Send a request, undo what it did, and return the answer with everything readable in it."""
    with transaction.atomic():
        response = getattr(client, method)(path)
        text = words_of(response)
        transaction.set_rollback(True)
    return response, text


def words_of(response: Any) -> str:
    """Return headers and words of an answer: of a PDF what it prints, of an archive what its files hold."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return f"{response.headers}\n{words_in(body)}"


def words_in(body: bytes) -> str:
    """Return what can be read in a file's bytes."""
    if body.startswith(b"%PDF"):
        reader = PdfReader(io.BytesIO(body))
        return "\n".join(page.extract_text() for page in reader.pages) + str(reader.metadata)
    if body.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return "\n".join(name + words_in(archive.read(name)) for name in archive.namelist())
    return body.decode("utf-8", errors="replace")

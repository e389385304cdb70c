"""The API described: the OpenAPI document for programs, and the same as a page for people.

The page is plain HTML made from the document, so it works under the strict CSP and never says anything else.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from synapse.web.http import ClinicRequest, render_page

Json = Mapping[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")
PREFIX = "/api/v1"
FORMATS = {
    "uuid": "id",
    "date-time": "time with zone",
    "date": "date",
    "decimal": "decimal number as text",
    "binary": "file",
    "uri": "address",
}


@dataclass(frozen=True)
class Kind:
    """What a value is, in words; `link` names the object it is described at."""

    words: str
    link: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One parameter, or one field of an object."""

    name: str
    kind: Kind
    is_required: bool = False
    is_read_only: bool = False
    description: str = ""


@dataclass(frozen=True)
class Answer:
    status: str
    description: str
    kind: Kind | None


@dataclass(frozen=True)
class Operation:
    """One verb at one address."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Row]
    body: Kind | None
    examples: list[tuple[str, str]]
    answers: list[Answer]
    refusals: list[Answer]


@dataclass
class Group:
    """The operations of one resource."""

    name: str
    anchor: str
    operations: list[Operation] = field(default_factory=list)


@dataclass(frozen=True)
class Shape:
    """One object of the document and its fields."""

    name: str
    description: str
    rows: list[Row]


@require_safe
@login_not_required
def schema(request: HttpRequest) -> HttpResponse:
    """Answer with the OpenAPI 3.1 document; it holds nothing of any patient."""
    return JsonResponse(document(), headers={"Cache-Control": "public, max-age=300"})


@require_safe
def docs(request: ClinicRequest) -> HttpResponse:
    """Show what the API can do."""
    return render_page(request, "api/docs.html", {"groups": groups(), "shapes": shapes()})


@cache
def document() -> dict[str, Any]:
    """Return the document; it changes with the code alone."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


@cache
def groups() -> list[Group]:
    """Return the operations by resource, in the document's order."""
    found: dict[str, Group] = {}
    for path, methods in document()["paths"].items():
        for method in METHODS:
            if method in methods:
                name = methods[method]["tags"][0]
                group = found.setdefault(name, Group(name.replace("-", " ").capitalize(), f"api-{name}"))
                group.operations.append(_operation(method, path, methods[method]))
    return list(found.values())


@cache
def shapes() -> list[Shape]:
    """Return the objects that requests and answers are made of; lists of words are told where they are used."""
    named = document()["components"]["schemas"].items()
    return [Shape(name, made.get("description", ""), list(_rows(made))) for name, made in named if "properties" in made]


def _operation(method: str, path: str, described: Json) -> Operation:
    content = described.get("requestBody", {}).get("content", {})
    body: Json = next(iter(content.values()), {})
    answers = [
        Answer(status, answer.get("description", ""), _kind_of_answer(answer))
        for status, answer in described["responses"].items()
    ]
    return Operation(
        anchor=described["operationId"],
        method=method.upper(),
        path=path.removeprefix(PREFIX),
        summary=described.get("summary", ""),
        description=described.get("description", ""),
        parameters=[_parameter(parameter) for parameter in described.get("parameters", [])],
        body=_kind(body["schema"]) if "schema" in body else None,
        examples=list(_examples(body)),
        answers=[answer for answer in answers if answer.status < "400"],
        refusals=[answer for answer in answers if answer.status >= "400"],
    )


def _parameter(parameter: Json) -> Row:
    where = {"path": "in the address", "query": "query", "header": "header"}[parameter["in"]]
    kind = _kind(parameter["schema"])
    words = f"{kind.words}, {where}"
    text = parameter.get("description", "")
    return Row(parameter["name"], Kind(words, kind.link, kind.choices), parameter.get("required", False), False, text)


def _kind_of_answer(answer: Json) -> Kind | None:
    for media, content in answer.get("content", {}).items():
        kind = _kind(content.get("schema", {}))
        return kind if media == "application/json" else Kind(media)
    return None


def _rows(made: Json) -> Iterator[Row]:
    required = made.get("required", [])
    for name, described in made["properties"].items():
        text = described.get("description", "")
        yield Row(name, _kind(described), name in required, described.get("readOnly", False), text)


def _kind(schema: Json) -> Kind:
    """Return what a schema allows, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        target = document()["components"]["schemas"].get(name, {})
        return Kind(name, name) if "properties" in target else _kind(target)
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            kinds = [
                _kind(part) for part in schema[several] if part.get("type") != "null" and part.get("enum") != [None]
            ]
            words = " or ".join(dict.fromkeys(kind.words for kind in kinds if kind.words))
            choices = tuple(choice for kind in kinds for choice in kind.choices if choice)
            return Kind(words, next((kind.link for kind in kinds if kind.link), ""), choices)
    if "enum" in schema:
        return Kind("one of", choices=tuple(str(word) for word in schema["enum"] if word not in (None, "")))
    kind = schema.get("type", "")
    names = [name for name in (kind if isinstance(kind, list) else [kind]) if name != "null"]
    or_null = " or null" if isinstance(kind, list) and "null" in kind else ""
    if "array" in names:
        item = _kind(schema.get("items", {}))
        return Kind(f"list of {item.words or 'values'}{or_null}", item.link, item.choices)
    words = FORMATS.get(
        schema.get("format", ""), {"string": "text", "object": "object"}.get("".join(names), " or ".join(names))
    )
    return Kind(words + or_null)


def _examples(body: Json) -> Iterator[tuple[str, str]]:
    for name, example in body.get("examples", {}).items():
        yield example.get("summary", name), json.dumps(example.get("value"), indent=2, ensure_ascii=False)

"""Hostile words in every text of every row, and what is wrong with a page that shows them."""

import csv
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import Error, models, transaction

# Short enough for most columns: a formula, the end of an attribute in either quote, an element with a handler, a template.
BREAK_OUT = "=9*8'\"><zz onzz=1>{{9*8}}"
HOSTILE = (
    BREAK_OUT,
    "<script>window.__fired='script'</script>",
    "</script><script>window.__fired='after'</script>",
    "</textarea><img src=zz onerror=\"window.__fired='img'\">",
    "<svg/onload=\"window.__fired='svg'\">",
    '" onfocus="window.__fired=\'double\'" autofocus zz="',
    "' onfocus='window.__fired=1' autofocus zz='",
    "javascript:window.__fired='address'",
    "</title></style><zz onclick=window.__fired=1>",
    "{% load zz %}{{ 9*8 }}${9*8}",
    "\u2028\u2029;window.__fired='line'//",
    "\u202egnp.exe\u2066zz",
    "<!--<zz>--><zz>&#x3c;zz&#x3e;&lt;zz&gt;",
)
ALL_OF_THEM = " ".join(HOSTILE)
# Words that the product reads again: codes, names of files, what a database finds rows by. Nobody types them.
MACHINE = re.compile(
    r"hash|mac$|key|token|status|code|kind|role|prefix|digest|signature|number$|slug|engine|model|host$|sha256|path|"
    r"file_name|version|language|timezone|currency|country|region|rule$|type$|method|channel|series|period|^id$|_id$|"
    r"priority|format|provider_reference|runner|state|url|gender|blood|marital|retention|label_kind|manifest|password|"
    r"^date_|_date$|username|scope|service$|source|purpose|way$|asked_by|seal|npi|iban|bic|taxonomy|coverage|place_of|paid_by"
)
OWN = {
    "accounts",
    "billing",
    "erasure",
    "oversight",
    "patients",
    "records",
    "reports",
    "scheduling",
    "sessions_app",
    "webhooks",
}
CARRIED_OUT = re.compile(r"[\s\x00-\x1f]*(javascript|vbscript|data(?!:image/))\s*:", re.IGNORECASE)
# Inside a document, the keys whose values somebody wrote or said.
WRITTEN = {"text", "title", "description", "reason", "quote", "answer", "typed_name", "before", "after", "note"}


def fill() -> list[str]:
    """Put hostile words into every text that somebody can write; return the columns that were filled."""
    filled = []
    for model in apps.get_models():
        if model._meta.app_label not in OWN:
            continue
        for field in model._meta.concrete_fields:
            if not field.choices and not MACHINE.search(field.name) and _fill_column(model, field):
                filled += [f"{model._meta.label}.{field.name}"]
    return filled


def _fill_column(model: type[models.Model], field: Any) -> bool:
    kind = field.get_internal_type()
    done = False
    for place, row in enumerate(model._base_manager.all()):
        if kind == "JSONField" or "JSON" in type(field).__name__:
            value = _filled(getattr(row, field.name))
        elif kind == "TextField" or "Text" in type(field).__name__:
            value = ALL_OF_THEM
        elif kind == "CharField":
            longest = getattr(field, "max_length", None) or 1000
            fitting = [one for one in HOSTILE if len(one) <= longest] or [""]
            value = fitting[place % len(fitting)]
        else:
            return False
        if not value or value == getattr(row, field.name):
            continue
        try:
            with transaction.atomic():
                model._base_manager.filter(pk=row.pk).update(**{field.name: value})
            done = True
        except (Error, ValidationError, ValueError, TypeError):
            # Sealed, unique or of a shape that the database insists on.
            continue
    return done


def _filled(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, key) for one in value]
    return BREAK_OUT if isinstance(value, str) and key in WRITTEN and value else value


class _Reader(HTMLParser):
    """Reads a page as markup. Of the words of a text area it reads the markup too, which no page of ours has there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag.startswith("zz"):
            self.wrong.append(f"an element <{tag}>")
        if tag == "script" and not named.get("src") and named.get("type") not in {"application/json", "importmap"}:
            self.wrong.append("a script in the page")
        for name, value in attrs:
            if name.startswith(("on", "zz")):
                self.wrong.append(f"<{tag} {name}=…>")
            is_address = name in {"href", "src", "action", "formaction", "data", "poster", "xlink:href", "srcdoc"}
            if is_address and CARRIED_OUT.match(value or ""):
                self.wrong.append(f"<{tag} {name}={value}>")

    def handle_data(self, data: str) -> None:
        if BREAK_OUT.replace("{{9*8}}", "72") in data:
            self.wrong.append("a template that was carried out")


def wrong_with(response: Any, text: str) -> Iterator[str]:
    """Yield what a page, a part of one or a table lets hostile words do."""
    kind = response.headers.get("Content-Type", "")
    # 503 is an answer: the made-up recordings are not there.
    if response.status_code == 500:
        yield f"answers {response.status_code}"
    if kind.startswith("text/html"):
        reader = _Reader()
        reader.feed(text)
        reader.close()
        yield from reader.wrong
    if kind.startswith("text/csv"):
        for row in csv.reader(io.StringIO(text)):
            yield from (
                f"a formula: {cell[:30]}" for cell in row if cell.startswith(("=", "@", "\t", "\r", "+=", "-="))
            )

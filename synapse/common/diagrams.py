"""Transition tables as Mermaid diagrams."""

from django.apps import apps
from django.db import models

HEAD = """# States

Which status may follow which, drawn from the transition tables by `python manage.py state_diagrams --write`."""


def machines() -> list[type[models.Model]]:
    """Return the models that have a transition table."""
    return [model for model in apps.get_models() if hasattr(model, "TRANSITIONS")]


def tables_of(model: type[models.Model]) -> dict[str, dict[str, set[str]]]:
    """Return a model's tables by their columns: `status`, and those of MORE_TRANSITIONS."""
    tables: dict[str, dict[str, set[str]]] = {"status": model.TRANSITIONS}  # type: ignore[attr-defined]  # see `machines`
    return {**tables, **getattr(model, "MORE_TRANSITIONS", {})}


def diagram(model: type[models.Model], column: str = "status") -> str:
    """Return the table of one of a model's columns as a Mermaid state diagram."""
    table: dict[str, set[str]] = tables_of(model)[column]
    field = model._meta.get_field(column)
    order = [value for value, _ in field.flatchoices]  # type: ignore[union-attr]  # a choice field
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {order[0]}"]
    for state in order:
        nexts = [str(to) for to in order if to in table[state]]
        lines += [f"    {state} --> {to}" for to in nexts] or [f"    {state} --> [*]"]
    return "\n".join([*lines, "```"])


def document() -> str:
    """Return the page of all diagrams, `synapse/STATES.md`."""
    blocks = [
        f"## {_title(model, column)}\n\n{diagram(model, column)}" for model in machines() for column in tables_of(model)
    ]
    return "\n\n".join([HEAD, *blocks]) + "\n"


def _title(model: type[models.Model], column: str) -> str:
    name = str(model._meta.verbose_name).capitalize()
    return name if column == "status" else f"{name}: {column.replace('_', ' ')}"
